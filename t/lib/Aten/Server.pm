package Aten::Server;

# An httpd of its own for one test: given a configuration, on free ports, with a ServerRoot of its own, any MPM, any
# date. It is stopped when the test ends, and what is left unexplained in its error log fails the test.

use v5.36;
use parent 'Aten::Process';
use Aten::Log ();
use Aten::Process qw();
use Aten::Test::Env ();
use Aten::TLS ();
use POSIX ();
use Test::More ();
use Time::HiRes ();

my @servers;

END {
    local $?;
    Aten::Process::stay();
    $_->stop for grep { $_->{owner} && $_->{owner} == $$ && $_->alive } @servers;
}

# Options:
#   config   => text of the configuration; @NAME@ stands for a variable (below). Goes after the modules and basics
#   vars     => {NAME => value}, more of them
#   mpm      => event (default), worker, prefork
#   modules  => [names] beside the usual ones, e.g. ['session', 'cache']
#   module   => file of mod_auth_aten (default: ATEN_MODULE, or the one at the top of the tree), 0: not loaded
#   cas      => an Aten::CAS; gives @CAS@
#   https    => 1: listens on @HTTPS_PORT@ too, with a certificate of @TLS@ (->tls->ca_file is its authority);
#               the configuration says where: <VirtualHost *:@HTTPS_PORT@> ... @TLS_CONFIG@
#   at       => the time that httpd believes: seconds since the epoch, or '2017-02-28 23:59:50' in its time zone;
#               ->set_time moves it while httpd runs
#   tz       => time zone, default Europe/Paris
#   env      => {NAME => value}
#   log_level => default 'warn auth_aten:debug'
#   wrapper  => [a command to run httpd under, e.g. qw(valgrind --trace-children=yes)]
#   children => how many processes (StartServers); threads => of each (ThreadsPerChild)
#   name     => for messages
#
# Variables: PORT, HTTPS_PORT, ROOT (ServerRoot), DOCROOT (ROOT/htdocs), CGI (ROOT/cgi-bin, with the program env), CAS (the
# server's base URL), BASE (http://localhost:PORT), TOP (the source tree), and PORT2 to PORT9: more free ports, on which
# the configuration has to listen by itself.
sub new ($class, %option) {
    my $self = $class->prepare(%option);
    $self->run;
    return $self;
}

# Everything but the start: ->root is there to be filled, ->run starts.
sub prepare ($class, %option) {
    my $self = bless {
        mpm => 'event', name => 'httpd', tz => 'Europe/Paris', children => 1,
        threads => 8, module => module_file(), env => {}, vars => {}, config => '', %option,
    }, $class;
    $self->{log_level} //= 'warn' . ($self->{module} ? ' auth_aten:debug' : '');
    $self->{root} = Aten::Process::temporary_directory('httpd');
    $self->{port}       = $self->{vars}{PORT}       // Aten::Process::free_port();
    $self->{https_port} = $self->{vars}{HTTPS_PORT} // Aten::Process::free_port() if $self->{https};
    $self->{tls}      //= Aten::TLS->new if $self->{https};
    $self->make_root;
    $self->{log} = Aten::Log->new(file => "$self->{root}/logs/error.log", name => $self->{name});
    $self->write_config;
    push @servers, $self;
    return $self;
}

sub module_file () { return $ENV{ATEN_MODULE} // Aten::Process::top() . '/mod_auth_aten.so' }
sub have_module () { return -e module_file() }

sub root ($self) { return $self->{root} }
sub port ($self) { return $self->{port} }
sub log  ($self) { return $self->{log} }
sub tls  ($self) { return $self->{tls} }
sub cas  ($self) { return $self->{cas} }

# The whole address of a path: http://localhost:PORT/path; with https => 1 the other; host => another name.
sub url ($self, $path = '/', %option) {
    my $host = $option{host} // 'localhost';
    return $option{https} ? "https://$host:$self->{https_port}$path" : "http://$host:$self->{port}$path";
}

# --- files ---

# Where httpd's children may read, and write into logs; the module makes its state directory by itself.
sub make_root ($self) {
    my $root = $self->{root};
    for my $directory (qw(conf logs run htdocs cgi-bin tls)) {
        mkdir "$root/$directory" or die "$root/$directory: $!";
    }
    $self->file('htdocs/index.html', "<!DOCTYPE html><title>index</title><p>index\n");
    Aten::Test::Env::write_cgi("$root/cgi-bin/env");
    copy_readable($self->{module}, "$root/mod_auth_aten.so") if $self->{module};
    my ($user) = unprivileged();
    chown +(getpwnam $user)[2, 3], "$root/logs", "$root/run" if defined $user;
    return;
}

# The checkout may be where only root can read; a child that starts anew (restart) loads nothing, but gdb and ASan look.
sub copy_readable ($from, $to) {
    Aten::Process::spew($to, Aten::Process::slurp($from) || die "$from is not there: run make first\n");
    chmod 0755, $to;
    return;
}

# Write a file below the ServerRoot: $server->file('htdocs/ent/.htaccess', $text). Directories are made.
sub file ($self, $name, $text) {
    my $path = $self->{root};
    my @parts = split m{/}, $name;
    for my $part (@parts[0 .. $#parts - 1]) {
        $path .= "/$part";
        mkdir $path;
        chmod 0755, $path;
    }
    Aten::Process::spew("$self->{root}/$name", $self->fill($text));
    chmod 0644, "$self->{root}/$name";
    return "$self->{root}/$name";
}

sub unprivileged () { return $> == 0 ? ('www-data', 'www-data') : () }

# --- configuration ---

my @usual = qw(
    authn_core authz_core authz_host authz_user authn_file auth_basic mime dir alias env setenvif headers rewrite
    include filter proxy proxy_http http2 status negotiation actions
);

sub modules_config ($self) {
    my $prefork = $self->{mpm} eq 'prefork';
    # mod_http2 refuses to work with prefork, and says so at each start.
    my @modules = (
        "mpm_$self->{mpm}", grep({ !($prefork && $_ eq 'http2') } @usual), $prefork ? 'cgi' : 'cgid',
        @{ $self->{modules} // [] },
    );
    push @modules, qw(socache_shmcb ssl) if $self->{https};
    my $directory = modules_directory();
    my $text = join '', map { "LoadModule ${_}_module $directory/mod_$_.so\n" } @modules;
    $text .= "LoadModule auth_aten_module $self->{root}/mod_auth_aten.so\n" if $self->{module};
    return $text;
}

sub modules_directory () {
    my ($found) = grep { -d } $ENV{ATEN_HTTPD_MODULES} // (), '/usr/lib/apache2/modules', '/usr/lib64/httpd/modules';
    return $found // die "httpd's modules are not found: set ATEN_HTTPD_MODULES";
}

sub program () {
    my ($found) = grep { -x } $ENV{ATEN_HTTPD} // (), '/usr/sbin/apache2', '/usr/sbin/httpd';
    return $found // die 'httpd is not found: set ATEN_HTTPD';
}

sub process_config ($self) {
    my ($user, $group) = unprivileged();
    my $text = defined $user ? "User $user\nGroup $group\n" : '';
    $text .= "StartServers $self->{children}\nMaxRequestWorkers " . $self->{children} * $self->{threads} . "\n";
    if ($self->{mpm} eq 'prefork') {
        return $text . "MinSpareServers 1\nMaxSpareServers $self->{threads}\nServerLimit 64\n";
    }
    return $text . "ThreadsPerChild $self->{threads}\nMinSpareThreads 1\nMaxSpareThreads 1000\nServerLimit 16\n"
        . "ThreadLimit 64\n" . ($self->{mpm} eq 'event' ? "AsyncRequestWorkerFactor 2\n" : '');
}

sub basics ($self) {
    my $script_sock = $self->{mpm} eq 'prefork' ? '' : "ScriptSock cgisock\n";
    my $https       = $self->{https} ? "Listen 127.0.0.1:$self->{https_port}\nSSLSessionCache shmcb:run/tls\n" : '';
    my $state       = $self->{module} ? "AtenStateDir $self->{root}/state\n" : '';
    return $self->modules_config . <<~"END" . $self->process_config;
        ServerRoot "$self->{root}"
        PidFile run/httpd.pid
        Mutex file:run
        DefaultRuntimeDir run
        ErrorLog logs/error.log
        LogLevel $self->{log_level}
        LogFormat "%h %{HOST}i \\"%r\\" %>s %B" test
        CustomLog logs/access.log test
        Listen 127.0.0.1:$self->{port}
        ${https}ServerName localhost
        UseCanonicalName Off
        Timeout 30
        KeepAliveTimeout 5
        GracefulShutdownTimeout 5
        TypesConfig /etc/mime.types
        DocumentRoot htdocs
        $script_sock$state
        <Directory />
            AllowOverride None
            Require all denied
        </Directory>
        <Directory "$self->{root}/htdocs">
            AllowOverride All
            Options +Includes +FollowSymLinks
            Require all granted
        </Directory>
        <Directory "$self->{root}/cgi-bin">
            Options +ExecCGI
            SetHandler cgi-script
            Require all granted
        </Directory>
        END
}

sub variables ($self) {
    my ($certificate, $key) = $self->{https} ? $self->certificate : ();
    $self->{more_ports} //= { map { ("PORT$_" => Aten::Process::free_port()) } 2 .. 9 };
    return {
        PORT => $self->{port}, HTTPS_PORT => $self->{https_port} // '', ROOT => $self->{root},
        DOCROOT => "$self->{root}/htdocs", CGI => "$self->{root}/cgi-bin", TOP => Aten::Process::top(),
        BASE => "http://localhost:$self->{port}", CAS => $self->{cas} ? $self->{cas}->url : '',
        TLS_CONFIG => $certificate
        ? "SSLEngine on\nSSLCertificateFile $certificate\nSSLCertificateKeyFile $key\n"
        : '',
        %{ $self->{more_ports} }, %{ $self->{vars} },
    };
}

sub certificate ($self) {
    $self->{certificate} //= [$self->{tls}->certificate(
        name => 'httpd', names => ['DNS:localhost', 'DNS:*.example', 'DNS:*.test', 'IP:127.0.0.1'],
    )];
    return @{ $self->{certificate} };
}

sub var ($self, $name) { return $self->variables->{$name} // die "no variable $name" }

sub fill ($self, $text) {
    my $variables = $self->variables;
    return $text =~ s/\@([A-Z][A-Z0-9_]*)\@/$variables->{$1} \/\/ die "no variable $1"/ger;
}

sub write_config ($self) {
    return Aten::Process::spew("$self->{root}/conf/httpd.conf", $self->basics . $self->fill($self->{config}));
}

# Another configuration; takes effect with ->graceful or ->restart.
sub set_config ($self, $config) {
    $self->{config} = $config;
    $self->write_config;
    return $self;
}

# --- time ---

# httpd lives at another date by libfaketime. The file with the difference is read at each look at the clock, so that
# all processes agree and ->set_time acts at once.
sub time_environment ($self, %environment) {
    return () if !defined $self->{at};
    $self->set_time($self->{at});
    # The one with locks: the other is read wrong, now and then, by a thread while another one looks at the clock.
    my ($library) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
    die 'libfaketime is not installed' if !$library;
    return (
        LD_PRELOAD => join(' ', grep { length } $environment{LD_PRELOAD} // '', $library),
        FAKETIME_TIMESTAMP_FILE => "$self->{root}/conf/faketime", FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1,
        FAKETIME_FMT => '%s',
    );
}

# Move httpd's clock. It goes on running from there.
sub set_time ($self, $time) {
    $self->write_time(sprintf '%+.3fs', $self->epoch($time) - Time::HiRes::time());
    @$self{qw(at held)} = ($time, 0);
    return $self;
}

# Move httpd's clock and hold it: every request arrives at this very second, however long it takes.
sub hold_time ($self, $time) {
    $self->write_time(sprintf '%.3f', $self->epoch($time));
    @$self{qw(at held)} = ($time, 1);
    return $self;
}

# httpd waits for the end of its children by its clock: a held one would never come to that.
sub release_time ($self) { return $self->{held} ? $self->set_time($self->{at}) : $self }

sub write_time ($self, $text) {
    my $new = "$self->{root}/conf/faketime.new";
    Aten::Process::spew($new, "$text\n");
    rename $new, "$self->{root}/conf/faketime" or die "rename: $!";
    return;
}

# Seconds since the epoch of '2017-03-01 00:00:00' or '2017-03-01T00:00:00+01:00' (without an offset: in ->{tz}).
sub epoch ($self, $time) {
    return $time if $time =~ /^\d+(?:\.\d+)?$/;
    my ($year, $month, $day, $hour, $minute, $second, $fraction, $offset) =
        $time =~ /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/ or die "not a time: $time";
    local $ENV{TZ} = length($offset // '') ? 'UTC' : $self->{tz};
    POSIX::tzset();
    my $epoch = POSIX::mktime($second // 0, $minute, $hour, $day, $month - 1, $year - 1900, 0, 0, -1);
    $epoch -= ($1 . '1') * ($2 * 3600 + $3 * 60) if ($offset // '') =~ /^([+-])(\d\d):(\d\d)$/;
    return $epoch + ($fraction // 0);
}

# --- life ---

sub environment ($self) {
    my %environment = (
        LANG => 'C.UTF-8', LC_ALL => undef, http_proxy => undef, https_proxy => undef, TZ => $self->{tz},
        sanitizer_environment($self->{module}), %{ $self->{env} },
    );
    return { %environment, $self->time_environment(%environment) };
}

# A module built with SANITIZE=1 needs the sanitizer's library in httpd before anything else. httpd itself keeps its
# pools to the end, which is no leak.
sub sanitizer_environment ($module) {
    return () if !$module || $module !~ /asan/;
    chomp(my $library = `gcc -print-file-name=libasan.so`);
    return (
        LD_PRELOAD => $library, ASAN_OPTIONS => 'detect_leaks=0:abort_on_error=1',
        UBSAN_OPTIONS => 'print_stacktrace=1:halt_on_error=1',
    );
}

sub command ($self, @more) {
    return [@{ $self->{wrapper} // [] }, program(), '-f', "$self->{root}/conf/httpd.conf", @more];
}

sub run ($self) {
    my $mark = $self->{log}->mark;
    $self->launch(
        name => $self->{name}, command => $self->command('-DFOREGROUND'), env => $self->environment,
        output => "$self->{root}/logs/output",
    );
    # It listens before its start is over, and only then takes a signal as something else than its end.
    my $ready = sub { $self->{log}->since($mark) =~ /resuming normal operations/ };
    return $self->wait_for(sub { Aten::Process::listening($self->{port}) && $ready->() });
}

# What went wrong at the start stands in one place or the other.
sub output_text ($self) { return Aten::Process::slurp("$self->{root}/logs/output") . $self->{log}->text }

# SIGUSR1 or SIGHUP, and wait until the new generation serves. Says so in its own log, hence the wait for a line.
sub graceful ($self) { return $self->new_generation('USR1') }
sub reload   ($self) { return $self->new_generation('HUP') }

sub new_generation ($self, $signal) {
    my $mark = $self->{log}->mark;
    my $held = $self->{held};
    $self->release_time;
    $self->signal($signal) or die "$self->{name} is not running";
    my $text = $self->{log}->wait_like(qr/AH00(?:489|163|292)|resuming normal operations/, $mark, 15);
    die "$self->{name} did not come back after SIG$signal:\n$text" if $text !~ /resuming normal operations/;
    $self->hold_time($self->{at}) if $held;
    return $self->wait_for(sub { Aten::Process::listening($self->{port}) });
}

# The event MPM of httpd 2.4.71 crashes now and then when SIGTERM finds threads in its own closing of sockets, with no
# module of ours loaded as well (4 of 750 stops of a bare httpd under load). A graceful stop does not go that way.
sub stop ($self, $signal = 'TERM', @more) {
    $signal = 'WINCH' if $signal eq 'TERM' && $self->{mpm} eq 'event';
    return $self->release_time->SUPER::stop($signal, @more);
}

# Down and up again: a new parent process.
sub restart ($self) {
    $self->stop_ok;
    return $self->run;
}

sub stop_ok ($self) {
    my $why = $self->stop('TERM', 15);
    die "$self->{name} ended badly: $why\n" . $self->output_text if $why;
    return $self;
}

# The processes that serve.
sub children ($self) {
    open my $in, '<', "/proc/$self->{pid}/task/$self->{pid}/children" or return;
    return split ' ', <$in> // '';
}

# `httpd -t` with this configuration, nothing started: (exit status, output). Class method with the options of ->new,
# or with a server's own configuration.
sub configtest ($self, %option) {
    $self = $self->prepare(%option) if !ref $self;
    my $output = "$self->{root}/logs/configtest";
    unlink $output;
    my $test = (bless {}, 'Aten::Process')->launch(
        command => $self->command('-t'), env => $self->environment, output => $output,
    );
    $test->wait_end(30) or $test->stop;
    return ($test->{status} >> 8 || $test->{status}, Aten::Process::slurp($output));
}

# Tests: the error log has nothing that wasn't expected; it has a line like that (and it is expected then).
sub clean_log_ok ($self, @allowed) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->{log}->clean_ok(@allowed);
}

sub log_like ($self, $regex, $name, $mark = 0) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->{log}->like($regex, $name, $mark);
}

1;

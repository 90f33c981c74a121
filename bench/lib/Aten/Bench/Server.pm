package Aten::Bench::Server;

# An httpd to be measured: the modules that Debian enables by itself and the one under test, one child of the event MPM,
# on a processor of its own. What it used is read from the kernel's account of its threads, in nanoseconds.

use v5.36;
use parent 'Aten::Server';
use Time::HiRes ();

my @debian = qw(
    access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user autoindex deflate dir env
    filter mime negotiation reqtimeout setenvif status
);

# Options beside those of Aten::Server: cpu => the processor's number, files => {NAME => text}, below the ServerRoot and
# written before it starts.
sub new ($class, %option) {
    my $self = $class->prepare(
        threads => 25, log_level => 'warn', %option,
        wrapper => ['taskset', '-c', $option{cpu}, @{ $option{wrapper} // [] }],
    );
    # The second is told with the results (->was_full): a busy machine can bring it about.
    push @{ $self->{log}{allowed} }, qr/CASValidateURL should be HTTPS/, qr/AH00484/;
    $self->file("htdocs/$_/1k.txt", 'x' x 1023 . "\n") for qw(plain inner dated);
    $self->file($_, $option{files}{$_}) for keys %{ $option{files} // {} };
    $self->run;
    return $self->wait_for(sub { $self->children });
}

sub modules_config ($self) {
    my $directory = Aten::Server::modules_directory();
    my @modules   = ('mpm_event', @debian, @{ $self->{modules} // [] });
    my $text      = join '', map { "LoadModule ${_}_module $directory/mod_$_.so\n" } @modules;
    $text .= "LoadModule auth_aten_module $self->{root}/mod_auth_aten.so\n" if $self->{module};
    return $text;
}

# No CGI is loaded, and no .htaccess looked for: a bare httpd must not look dearer than it is.
sub basics ($self) {
    my $text = $self->SUPER::basics =~ s/^ScriptSock.*\n//mr;
    return $text . <<~"END";
        MaxKeepAliveRequests 0
        <Directory "$self->{root}/htdocs">
            AllowOverride None
            Options FollowSymLinks
        </Directory>
        END
}

# Were all threads busy at some moment? httpd says so once in its life.
sub was_full ($self) { return $self->{log}->text =~ /AH00484/ }

# The process that serves.
sub child ($self) {
    my @children = $self->children;
    die "$self->{name} has " . @children . " children, not one\n" if @children != 1;
    return $children[0];
}

# Nanoseconds of processor time that the child has used, and the parent.
sub child_ns  ($self) { return used_ns($self->child) }
sub parent_ns ($self) { return used_ns($self->{pid}) }

sub used_ns ($pid) {
    my $sum = 0;
    for my $task (glob "/proc/$pid/task/*") {
        my ($ns) = Aten::Process::slurp("$task/schedstat") =~ /^(\d+)/;
        $sum += $ns // ticks_ns("$task/stat");
    }
    return $sum;
}

# Where the kernel keeps no schedstat: utime and stime, in ticks.
sub ticks_ns ($file) {
    my @field = split ' ', Aten::Process::slurp($file) =~ s/^.*\)//sr;
    return ($field[11] + $field[12]) * 1e9 / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# The same when nothing runs any more: what is left of a request (its log line) is done after the client has its answer.
sub settled_ns ($self) {
    my ($before, $calm) = ($self->child_ns, 0);
    for (1 .. 200) {
        Time::HiRes::sleep(0.003);
        my $now = $self->child_ns;
        $calm   = $now == $before ? $calm + 1 : 0;
        $before = $now;
        last if $calm == 3;
    }
    return $before;
}

# A request like the ones to be measured must get the file. COOKIE is a Cookie header or undef.
sub check ($self, $path, $cookie) {
    my $answer = HTTP::Tiny->new(max_redirect => 0)->get($self->url($path),
        { headers => { defined $cookie ? (cookie => $cookie) : () } });
    return if $answer->{status} == 200 && length $answer->{content} == 1024;
    die "$self->{name} answers $answer->{status} to $path, not the file:\n" . $self->{log}->text;
}

1;

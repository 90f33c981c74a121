package Aten::Test;

# What most tests begin with: one `use Aten::Test;` gives Test::More, UTF-8 in the source, and the functions below.

use v5.36;
use Aten::Browser ();
use Aten::CAS ();
use Aten::Log ();
use Aten::Server ();
use Test::More ();
use utf8 ();

our @functions = qw(
    browser login login_page reached env_of body_of identity_of raw_request ent_config need_module harness
);

sub import ($class, @) {
    my $caller = caller;
    no strict 'refs';
    *{"${caller}::$_"} = \&{$_} for @functions;
    eval "package $caller; use Test::More; 1" or die $@;
    utf8->import;
    binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ } qw(output failure_output todo_output);
    return;
}

# Without the module there is nothing to test: a failure, never a silent skip.
sub need_module () {
    return if Aten::Server::have_module();
    Test::More::BAIL_OUT('mod_auth_aten.so is not there: run make first');
}

# Options: those of Aten::Browser.
sub browser (%option) { return Aten::Browser->new(%option) }

# The configuration of the issue's five lines, with the program that shows its environment behind /ent.
# Options: inside => more lines for the Location, server => more lines for the server, path => '/ent'.
sub ent_config (%option) {
    my $path = $option{path} // '/ent';
    my ($server, $inside) = map { $_ // '' } @option{qw(server inside)};
    return <<~"END";
        AtenCASServer \@CAS\@
        AtenBaseURL \@BASE\@
        $server
        ScriptAlias $path \@CGI\@/env
        <Location "$path">
            AuthType aten
            Require valid-user
            $inside
        </Location>
        END
}

# A person comes to a protected page of SITE (an Aten::Server, or the harness), chooses a profile on the chooser, logs in
# at the real CAS server (or portal), and is sent back. Returns the browser; its ->page is where that ended.
# Options: to => '/ent/', profile => text or pattern of the entry, cas => an Aten::CAS (default: the site's),
# idp => an Aten::IdP: by that portal instead, whose profile is then `eleves-parents` by default,
# browser => an existing one, password => another one, via => 'login' (default: the button's address
# /aten/login?to=...) or 'page' (straight to the page), and what Aten::Browser's ->get takes.
sub login ($site, $account, %option) {
    my $browser = login_page($site, %option);
    if ($option{idp}) {
        $option{idp}->pass($browser, $account, map { $_ => $option{$_} } grep { defined $option{$_} } 'password');
        return $browser;
    }
    my $cas     = $option{cas} // $site->cas;
    my $page    = $browser->page;
    return $browser if $page->url !~ m{^\Q@{[ $cas->url ]}\E/login};
    $browser->submit({ username => $account, password => $option{password} // $cas->password($account) });
    return $browser;
}

# The same up to the form of the CAS server, or of the portal.
sub login_page ($site, %option) {
    my $browser = $option{browser} // browser(%{ $option{browser_options} // {} });
    my $to      = $option{to} // '/ent/';
    my $start   = ($option{via} // 'login') eq 'page' ? $to : '/aten/login?to=' . Aten::URL::escape($to);
    $browser->get($site->url($start, https => $option{https}, host => $option{host}));
    my $entry = $option{profile} // ($option{idp} ? qr/eleves-parents/ : qr/autres-publics/);
    $browser->click($entry) if $browser->page->link($entry);
    return $browser;
}

# Did the application answer (and not the module, or httpd)? All of these take a page or a browser.
sub reached ($page) {
    $page = $page->page if $page->isa('Aten::Browser');
    return ($page->header('x-answered-by') // '') eq 'application';
}

# The environment that the application saw; empty if it wasn't reached.
sub env_of ($page) {
    $page = $page->page if $page->isa('Aten::Browser');
    return reached($page) ? $page->json->{env} : {};
}

# What the application got as the body of a request.
sub body_of ($page) {
    $page = $page->page if $page->isa('Aten::Browser');
    return reached($page) ? $page->json->{body} : undef;
}

# Of the environment, REMOTE_USER, AUTH_TYPE and every ATEN_*.
sub identity_of ($page) {
    my $env = env_of($page);
    return { map { $_ => $env->{$_} } grep { /^(?:REMOTE_USER|AUTH_TYPE|ATEN_)/ } keys %$env };
}

# Bytes as they are to a port of this machine, and everything that comes back until the other side closes.
sub raw_request ($port, $bytes, $seconds = 10) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5) or die "connect: $!";
    $socket->syswrite($bytes);
    my $answer = '';
    my $until  = time + $seconds;
    while (time < $until) {
        my $ready = '';
        vec($ready, fileno $socket, 1) = 1;
        next if !select $ready, undef, undef, 0.2;
        last if !$socket->sysread($answer, 65536, length $answer);
    }
    return $answer;
}

# The httpd that t/TEST started, with its virtual hosts; started here when this test runs alone.
sub harness () {
    require Aten::Harness;
    return Aten::Harness->instance;
}

1;

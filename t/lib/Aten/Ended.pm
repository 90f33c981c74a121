package Aten::Ended;

# What the tests of ended sessions share: many quick logins, cookies that somebody copied, requests on connections of
# one's own, the back channel of a CAS server, and what stands in the store.
#
# Logins are quick by the CAS server of t/faults, which asks for no password and answers honestly in "good".

use v5.36;
use Aten::Page ();
use Aten::Process ();
use Aten::URL ();
use Exporter 'import';
use HTTP::Tiny ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Time::HiRes ();

our @EXPORT = qw(
    ended_config enter cookie_of connection ask who ticket_of logout_request back_channel logout_at_once
    enter_again store_transaction answered_by beside slow_program launch finish
);

# A site with the profiles vite (that server, or SCENARIO of it) and autres-publics: the real CAS server, or where there
# is none that one once more.
# /who is a file that names the person in a header, /ent shows its environment, /public is for everybody, /maybe for
# everybody and says who comes, and /slow is slow_program's.
# Options: faults => a Faults, scenario => 'good', real => 0 for none, base => its address, more => lines.
sub ended_config (%option) {
    my $vite   = $option{faults}->url($option{scenario} // 'good');
    my $autres = $option{real} // 1 ? '@CAS@' : $option{faults}->url('stale');
    return <<~"END";
        AtenBaseURL @{[ $option{base} // '@BASE@' ]}
        AtenHome /accueil/
        <AtenProfile vite>
            AtenLabel "Vite"
            AtenBackend cas $vite
        </AtenProfile>
        <AtenProfile autres-publics>
            AtenLabel "Autres publics"
            AtenBackend cas $autres
        </AtenProfile>
        ScriptAlias /accueil \@CGI\@/env
        ScriptAlias /ent     \@CGI\@/env
        ScriptAlias /public  \@CGI\@/env
        ScriptAlias /maybe   \@CGI\@/env
        ScriptAlias /slow    \@CGI\@/slow
        Alias       /who     \@DOCROOT\@/index.html
        <LocationMatch "^/(?:ent|who|maybe|slow)">
            AuthType aten
            Require valid-user
            Header set X-Who "expr=%{REMOTE_USER}"
        </LocationMatch>
        <Location "/maybe">
            AtenOptional on
        </Location>
        LogFormat "%P %k %>s %U" processes
        CustomLog logs/processes.log processes
        @{[ $option{more} // '' ]}
        END
}

# --- people ---

# A browser that has logged in by the profile vite (or another one that needs no password); ->page is the last page.
# Options: browser => an existing one, to => '/who', profile, base => the site's address, query => more of the query.
sub enter ($server, %option) {
    my $browser = $option{browser} // Aten::Browser->new(%{ $option{browser_options} // {} });
    my $to      = Aten::URL::escape($option{to} // '/who');
    my $base    = $option{base} // $server->url('');
    $browser->get("$base/aten/login?profile=" . ($option{profile} // 'vite') . "&to=$to" . ($option{query} // ''));
    return $browser;
}

# The same for a browser that has a session: the login was begun before that, in another tab.
sub enter_again ($server, $browser, %option) {
    my $jar     = $browser->jar;
    my $session = $jar->find($option{name} // 'aten') // die 'no session';
    my $base    = $option{base} // $server->url('');
    $jar->delete($session->{name});
    $browser->get("$base/aten/login?profile=vite&to=/who", until => sub ($address) { $address =~ /ticket=/ });
    $jar->set(%$session);
    $browser->get($browser->page->location // die 'no ticket: ' . $browser->page->text);
    return $browser;
}

# The session cookie that a browser has now, as the header's text.
sub cookie_of ($browser, $name = qr/^(?:__Host-)?aten$/) {
    my $cookie = $browser->jar->find($name) // return undef;
    return "$cookie->{name}=$cookie->{value}";
}

# The ticket by which a browser came to its page: the last one, where a login was begun once more on the way.
sub ticket_of ($browser) {
    my @tickets = map { $_->{to} =~ /[?&]ticket=([^&]+)/ ? $1 : () } $browser->page->redirects;
    return $tickets[-1] // die 'no ticket on the way to ' . $browser->url;
}

# --- requests ---

# A client that keeps one connection open from request to request.
sub connection (%option) {
    return HTTP::Tiny->new(
        max_redirect => 0, timeout => 10, no_proxy => ['*'], keep_alive => 1, verify_SSL => 1,
        $option{ca} ? (SSL_options => { SSL_ca_file => $option{ca} }) : (),
    );
}

# One request with this Cookie header (undef: none), on a new connection or on => a client. Options: method, body,
# headers => {...}, with a type where there is a body.
sub ask ($url, $cookie, %option) {
    my $client  = $option{on} // HTTP::Tiny->new(max_redirect => 0, timeout => 10, no_proxy => ['*'], keep_alive => 0);
    my %headers = (accept => 'text/html', defined $cookie ? (cookie => $cookie) : (), %{ $option{headers} // {} });
    my %what    = (headers => \%headers, peer => '127.0.0.1');
    $what{content} = $option{body} if defined $option{body};
    return Aten::Page->new($url, $client->request($option{method} // 'GET', $url, \%what), {});
}

# Whom the site takes this cookie for: the user's name, 'nobody' (sent to log in), else the status.
sub who ($server, $cookie, %option) {
    my $page = ask($option{url} // $server->url($option{path} // '/who'), $cookie, %option);
    return $page->header('x-who') || 'nameless' if $page->status == 200;
    return $page->status == 303 && $page->location =~ m{/aten/login\?} ? 'nobody' : $page->status;
}

# A person clicks on "log out" on a page of the site.
sub logout_at_once ($server, $cookie, %option) {
    my $path = $option{path} // '/aten/logout';
    return ask(($option{base} // $server->url('')) . $path, $cookie, headers => { 'sec-fetch-site' => 'same-origin' },
        %option);
}

# A program that begins to answer at /slow?NAME when it is told to: it makes run/began-NAME, and waits for run/go-NAME.
sub slow_program ($server) {
    chmod 0755, $server->file('cgi-bin/slow', <<~'SH');
        #!/bin/sh
        : > "@ROOT@/run/began-$QUERY_STRING"
        i=0
        while [ ! -e "@ROOT@/run/go-$QUERY_STRING" ] && [ $i -lt 300 ]; do sleep 0.03; i=$((i + 1)); done
        printf 'Content-Type: text/plain\nX-Slow: yes\n\nslow\n'
        SH
    return;
}

# Ask it and don't wait, but until it has begun. Returns what finish takes.
sub launch ($server, $name, $cookie, %option) {
    my $port   = $option{port} // $server->port;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!";
    $socket->syswrite("GET /slow?$name HTTP/1.1\r\nHost: localhost:$port\r\nAccept: text/html\r\nCookie: $cookie\r\n"
            . "Connection: close\r\n\r\n");
    $server->wait_for(sub { -e $server->root . "/run/began-$name" }, 10);
    return { server => $server, name => $name, socket => $socket };
}

# Let it answer. Returns the answer as it came.
sub finish ($launched) {
    Aten::Process::spew($launched->{server}->root . "/run/go-$launched->{name}", '');
    my ($answer, $socket) = ('', $launched->{socket});
    my $until = Time::HiRes::time() + 15;
    while (Time::HiRes::time() < $until) {
        vec(my $ready = '', fileno $socket, 1) = 1;
        next if !select $ready, undef, undef, 0.2;
        last if !$socket->sysread($answer, 65536, length $answer);
    }
    return $answer;
}

# The work of other processes, all of them until the end of DO in this one: each of COUNT runs WORK->(number, going),
# which returns data when going->() is false. Returns (what DO returned, [data of each]).
sub beside ($count, $work, $do) {
    my $stop    = Aten::Process::temporary_directory('beside') . '/stop';
    my @workers = map { start_worker($work, $_, $stop) } 1 .. $count;
    my $done    = eval { $do->() };
    my $error   = $@;
    Aten::Process::spew($stop, '');
    my @data = map { end_worker($_) } @workers;
    die $error if $error;
    return ($done, \@data);
}

sub start_worker ($work, $number, $stop) {
    pipe my $read, my $write or die "pipe: $!";
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
        my $until = Time::HiRes::time() + 120 + ($ENV{ATEN_SOAK} // 0);   # whatever becomes of the other side
        my $going = sub { !-e $stop && Time::HiRes::time() < $until };
        my $data  = eval { $work->($number, $going) } // { died => "$@" };
        print {$write} JSON::PP->new->allow_nonref->encode($data);
        close $write;
        POSIX::_exit(0);
    }
    return { pid => $pid, read => $read };
}

sub end_worker ($worker) {
    local $/;
    my $text = readline $worker->{read};
    waitpid $worker->{pid}, 0;
    my $data = JSON::PP->new->allow_nonref->decode($text);
    die $data->{died} if ref $data eq 'HASH' && $data->{died};
    return $data;
}

# --- the back channel ---

# As python3-django-cas-server writes it; Apereo's puts a name into NameID and a prefix on nothing.
sub logout_request ($ticket) {
    return <<~"END";
        <samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
         ID="_5f2b" Version="2.0" IssueInstant="2017-01-10T08:00:00+00:00">
        <saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"></saml:NameID>
        <samlp:SessionIndex>$ticket</samlp:SessionIndex>
        </samlp:LogoutRequest>
        END
}

# What a CAS server sends to the service address; TEXT is the logout request. Options: those of ask, url, body (instead
# of the field).
sub back_channel ($server, $text, %option) {
    my $url = delete $option{url} // $server->url('/aten/cas');
    return ask($url, undef, method => 'POST', body => Aten::URL::form_encode({ logoutRequest => $text }),
        headers => { 'content-type' => 'application/x-www-form-urlencoded', accept => '*/*' }, %option);
}

# --- the server ---

# The number of the last transaction in the store, read from the two meta pages of its file (LMDB 0.9): another one says
# that something was written.
sub store_transaction ($server) {
    my $file = $server->root . '/state/store/data.mdb';
    open my $in, '<:raw', $file or die "$file: $!";
    my @numbers = map {
        my $page = '';
        sysread($in, $page, 4096) == 4096 or die "$file is short";
        my ($magic) = unpack 'x16 L', $page;
        die "$file is no file of LMDB" if $magic != 0xBEEFC0DE;
        unpack 'x144 Q', $page;
    } 0, 1;
    return $numbers[0] > $numbers[1] ? $numbers[0] : $numbers[1];
}

# The requests that were answered since MARK (bytes of logs/processes.log), COUNT at least: {pid, nth of its connection,
# status, path}. Lines are written after the answers.
sub answered_by ($server, $mark, $count = 1) {
    my $file = $server->root . '/logs/processes.log';
    my @lines;
    for (1 .. 100) {
        @lines = map { /^(\d+) (\d+) (\d+) (.*)/ ? { pid => $1, nth => $2, status => $3, path => $4 } : () }
            split /\n/, substr Aten::Process::slurp($file), $mark;
        last if @lines >= $count;
        Time::HiRes::sleep(0.01);
    }
    return @lines;
}

1;

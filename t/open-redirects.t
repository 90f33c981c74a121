# t/data/open-redirects.txt through `to`: no Location and no link of ours ever leaves the host.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Aten::Page ();
use Aten::URL ();
use Faults;
use HTTP::Tiny ();

need_module;

my $faults = Faults->new(tls => 0);
my $cas    = $faults->url('user-padded');    # says yes to every ticket
my $common = <<"END";
    AtenCASServer $cas
    <AtenProfile autres>
        AtenLabel fr "Autres publics"
        AtenBackend cas
    </AtenProfile>
    <AtenProfile second>
        AtenLabel fr "Second"
        AtenBackend cas
    </AtenProfile>
END
my $server = Aten::Server->new(name => 'open redirects', log_level => 'warn', config => <<"END");
Listen 127.0.0.1:\@PORT2\@
<VirtualHost *:\@PORT\@>
    AtenBaseURL \@BASE\@
    AtenHome /accueil
    $common
    ScriptAlias /ent "\@CGI\@/env"
    <Location "/ent">
        AuthType aten
        Require valid-user
    </Location>
</VirtualHost>
<VirtualHost *:\@PORT2\@>
    AtenBaseURL http://localhost:\@PORT2\@
    $common
    HttpProtocolOptions Unsafe
    <Location "/">
        AuthType aten
        Require valid-user
    </Location>
</VirtualHost>
END

my $base  = 'http://localhost:' . $server->port;
my $whole = 'http://localhost:' . $server->var('PORT2');

# The entries, as bytes.
sub entries () {
    my @entries;
    for my $line (split /\n/, Aten::Process::slurp("$FindBin::Bin/data/open-redirects.txt")) {
        next if $line eq '' || $line =~ /^#/;
        push @entries, $line =~ s/\\(?:x([0-9a-fA-F]{2})|(\\))/defined $1 ? chr hex $1 : '\\'/ger;
    }
    return @entries;
}

sub encoded ($bytes) { return $bytes =~ s/([^A-Za-z0-9._-])/sprintf '%%%02X', ord $1/ger }
sub decoded ($text) { return $text =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger }
sub shown ($bytes) { return $bytes =~ s/([^\x21-\x7e])/sprintf '\\x%02x', ord $1/ger }

my $client = HTTP::Tiny->new(timeout => 10, max_redirect => 0, no_proxy => ['localhost']);

sub ask ($address, $cookie = undef) {
    my $answer = $client->get($address, {
        peer    => '127.0.0.1',
        headers => { accept => 'text/html', 'accept-language' => 'fr', defined $cookie ? (cookie => $cookie) : () },
    });
    return Aten::Page->new($address, $answer, {});
}

# The cookies that an answer sets, for the next request.
sub cookies_of ($page) { return join '; ', map { /^([^;]*)/ } $page->header_all('set-cookie') }

# Where a browser would go: on this host, and never to the module's own pages, where it would be a loop.
sub is_home ($there, $location) {
    my $to = Aten::URL::resolve("$there/aten/login", $location // '') // '';
    return $to eq "$there/accueil";
}

# An address of this host, as a browser reads it.
sub is_here ($there, $location) {
    my $to = Aten::URL::resolve("$there/aten/login", $location) // return 0;
    return $to =~ m{^\Q$there\E(?:[/?#]|$)} || $to =~ m{^\Q$cas\E/(?:login|logout)\?};
}

my @entries = entries();
cmp_ok(scalar @entries, '>', 500, 'the list is there: ' . @entries . ' entries');

# A CAS server gives each ticket once.
my $tickets = 0;
sub ticket () { return 'ST-' . ++$tickets }

# What is wrong with one answer to one entry, in words; nothing if nothing is.
sub wrong_links ($page) {
    return map { "link $_->{href}" } grep { !is_here($base, $_->{href}) } $page->links;
}

sub wrong_chooser ($entry, $cookie) {
    my $page = ask("$base/aten/login?to=" . encoded($entry), $cookie);
    return "status " . $page->status if $page->status !~ /^(?:200|400)$/;
    my @to = map { /[?&]to=([^&]*)/ ? decoded($1) : () } map { $_->{href} } $page->links;
    return wrong_links($page), map { "to=$_" } grep { $_ ne '/accueil' } @to;
}

sub wrong_login ($entry, $cookie) {
    my $begun = ask("$base/aten/login?profile=autres&to=" . encoded($entry));
    return wrong_links($begun) if $begun->status == 400;
    return "status " . $begun->status if $begun->status != 303;
    my $login = $begun->header('location');
    return "begins at $login" if index($login, "$cas/login?service=") != 0;
    my $service = Faults::service_of($login);
    return "service $service" if $service !~ m{^\Q$base\E/aten/cas\?state=[\w.-]+$};
    my $ended = ask("$service&ticket=" . ticket(), cookies_of($begun));
    return "ends at " . ($ended->header('location') // $ended->status) if !is_home($base, $ended->header('location'));
    return;
}

# Somebody who is connected is asked first, for nothing says where the request comes from.
sub wrong_logout ($entry, $cookie) {
    my $page = ask("$base/aten/logout?to=" . encoded($entry), $cookie);
    return if $page->status == 400;
    my $location = $page->header('location');
    return !is_here($base, $location) ? "goes to $location" : () if defined $location;
    my @to = map { /[?&]to=([^&]*)/ ? decoded($1) : () } map { $_->{href} } $page->links;
    return wrong_links($page), map { "to=$_" } grep { !is_here($base, $_) } @to;
}

# Where the CAS server sends the browser back to.
sub wrong_logged_out ($entry, $cookie) {
    my $page = ask("$base/aten/cas?logout=" . encoded($entry) . '&to=' . encoded($entry), $cookie);
    return if $page->status == 400;
    my $location = $page->header('location') // return wrong_links($page);
    return "goes to $location" if !is_here($base, $location);
    return;
}

# As the browser writes it that encodes nothing: what a request line can carry.
sub wrong_raw ($entry, $cookie) {
    return if $entry =~ /[\x00-\x20\x7f-\xff#&+]/;
    my $answer = raw_request($server->port, "GET /aten/login?profile=autres&to=$entry HTTP/1.1\r\nHost: localhost\r\n"
        . "Accept: text/html\r\nConnection: close\r\n\r\n");
    my ($location) = $answer =~ /^Location: (.*?)\r$/m;
    return if !defined $location || index($location, "$cas/login?service=") == 0;
    return "goes to $location";
}

my $person  = ask("$base/aten/login?profile=autres&to=/ent/");
my $session = cookies_of(ask(Faults::service_of($person->header('location')) . '&ticket=' . ticket(), cookies_of($person)));
like($session, qr/\baten=[\w-]{40}/, 'somebody with a session');

my %ways = (
    'the chooser'                     => [\&wrong_chooser, undef],
    'the chooser, somebody connected' => [\&wrong_chooser, $session],
    'a login'                         => [\&wrong_login, undef],
    'a logout'                        => [\&wrong_logout, undef],
    'a logout, somebody connected'    => [\&wrong_logout, $session],
    'back from the CAS server'        => [\&wrong_logged_out, undef],
    'back from it, connected'         => [\&wrong_logged_out, $session],
    'a login, nothing encoded'        => [\&wrong_raw, undef],
);
for my $way (sort keys %ways) {
    my ($test, $cookie) = @{ $ways{$way} };
    my @wrong;
    for my $entry (@entries) {
        my @why = $test->($entry, $cookie);
        push @wrong, shown($entry) . ': ' . shown(join ', ', @why) if @why;
    }
    ok(!@wrong, "$way: all entries are refused") or diag join "\n", grep { defined } @wrong[0 .. 19];
}

# The address that was asked for becomes `to` as well.
my @wrong;
for my $entry (grep { m{^/[^\x00-\x20\x7f-\xff]*$} } @entries) {
    my $answer = raw_request($server->var('PORT2'),
        "GET $entry HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    my ($location) = $answer =~ /^Location: (.*?)\r$/m;
    next if !defined $location;
    push @wrong, "$entry: $location" and next if !is_here($whole, $location);
    my ($to) = $location =~ /[?&]to=([^&]*)/;
    push @wrong, "$entry: to=$to" if defined $to && !is_here($whole, decoded($to));
}
ok(!@wrong, 'asked for: nothing that leaves the host is taken for the place to go back to') or diag join "\n", @wrong;

# A Host header says nothing about where we live.
for my $host ('evil.example', 'localhost@evil.example', "evil.example:80") {
    for my $path ('/ent/', '/aten/login?profile=autres&to=/ent/', '/aten/login', '/aten/logout?to=/ent/') {
        my $answer = raw_request($server->port, "GET $path HTTP/1.1\r\nHost: $host\r\n"
            . "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nAccept: text/html\r\n"
            . "Connection: close\r\n\r\n");
        unlike($answer, qr/evil\.example/, "Host: $host, $path: not in the answer");
    }
}

# What is good stays good.
for my $to ('/ent/', '/ent/page?a=b&c=%2F%2Fx', '/ent/%C3%A9t%C3%A9', '/ent/a+b?x=http://autre.example/') {
    my $begun = ask("$base/aten/login?profile=autres&to=" . encoded($to));
    my $ended = ask(Faults::service_of($begun->header('location')) . '&ticket=' . ticket(), cookies_of($begun));
    is($ended->header('location'), "$base$to", "$to is kept as it is");
}

# httpd itself refuses some of the entries as a request's own path.
$server->clean_log_ok(qr/AH10244: invalid URI path|new session keys in/);
done_testing;

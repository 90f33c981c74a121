# The same under each MPM and over HTTP/2: logins by both ways, a protected page, a script, a refusal by the date, a CAS
# server that is slow beside other requests. And nobody is ever taken for somebody else: many people at once, on connections that stay
# open and carry more than one person's requests.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Portals ();
use Aten::Test;
use Aten::URL ();
use Faults;
use HTTP::Tiny ();
use JSON::PP ();
use List::Util qw(shuffle);
use Time::HiRes qw(sleep);

need_module();

my $cas    = Aten::CAS->new;
my $faults = Faults->new(tls => 0);
my $portals  = Aten::Portals->new;
my $metadata = $portals->metadata_file(Aten::Process::temporary_directory('portal') . '/portal.xml', ['familles']);
my $known  = qr/AT0401: the CAS server's answer puts user sans-profil into no population/;
my @people = qw(eleve parent prof prof-parent sans-profil);

# /ent shows its environment, /who is a file and names the person in a header, /closed is past its date.
my $config = <<~'END';
    AtenCASServer @CAS@
    AtenPortalMetadata @PORTAL@
    ScriptAlias /ent    @CGI@/env
    ScriptAlias /closed @CGI@/env
    Alias /who @DOCROOT@/index.html
    <AtenProfile eleves-parents>
        AtenLabel "Portail"
        AtenBackend aten
    </AtenProfile>
    <AtenProfile autres-publics>
        AtenLabel "Autres publics"
        AtenBackend cas
    </AtenProfile>
    <AtenProfile lent>
        AtenLabel "Lent"
        AtenBackend cas @SLOW@
    </AtenProfile>
    <Location "/">
        <If "%{REQUEST_URI} =~ m#^/(ent|who|closed)#">
            AuthType aten
            Require valid-user
            Header set X-Who "expr=%{REMOTE_USER} %{reqenv:ATEN_PRENOM}"
        </If>
    </Location>
    <Location "/closed">
        AtenCASCutoff 2017-03-01 pupils parents
    </Location>
    END

my %prenom = map { $_ => $cas->accounts->{$_}{attributes}{givenName} } @people;
utf8::encode($prenom{$_}) for @people;

sub serve (%option) {
    my $base = $option{https} ? 'https://localhost:@HTTPS_PORT@' : '@BASE@';
    return Aten::Server->new(
        cas => $cas, vars => { SLOW => $faults->url('hold'), PORTAL => $metadata }, %option,
        config => "AtenBaseURL $base\n$config" . ($option{config} // ''),
    );
}

# Requests by curl, all at once over one connection; over cleartext one after the other, for curl 7.88 loses such a
# connection when it uses it again. OPTION has lines of curl's configuration, a request is {url, headers => [...],
# lines => [...]}, an answer {version, status, headers => {name => [...]}, body, env (which the application saw)}.
sub curl ($option, @requests) {
    return map { curl($option, $_) } @requests if @requests > 1 && $requests[0]{url} !~ /^https/;
    my $directory = Aten::Process::temporary_directory('curl');
    my $number    = 0;
    my @parts     = map {
        my $request = $_;
        my @lines   = ('no-progress-meter', "url = \"$request->{url}\"", "output = \"$directory/body$number\"", "dump-header = \"$directory/head$number\"",
            map({ qq(header = "$_") } @{ $request->{headers} // [] }), @{ $request->{lines} // [] }, @$option);
        $number++;
        join "\n", @lines, '';
    } @requests;
    my $file = Aten::Process::spew("$directory/config", join "next\n", @parts);
    my $said = `curl --disable --noproxy '*' --max-time 60 --parallel --config '$file' 2>&1`;
    is($said, '', 'curl has nothing to say') if $said ne '';
    return map {
        my ($head) = Aten::Process::slurp("$directory/head$_");
        # An upgrade has an answer of its own in front.
        $head =~ s{^HTTP/1\.1 101 .*?\r\n\r\n}{}s;
        my ($version, $status) = $head =~ m{^HTTP/(\S+) (\d+)};
        my %headers;
        push @{ $headers{ lc $1 } }, $2 while $head =~ /^([^\s:]+): ?(.*?)\r?$/mg;
        my $body = Aten::Process::slurp("$directory/body$_");
        my $env  = ($headers{'x-answered-by'} // [''])->[0] eq 'application' ? JSON::PP->new->utf8->decode($body)->{env} : {};
        { version => $version // '', status => $status // 0, headers => \%headers, body => $body, env => $env };
    } 0 .. $#requests;
}

sub cookie_of ($browser) {
    my ($cookie) = grep { $_->{name} =~ /^(?:__Host-)?aten$/ } $browser->jar->all;
    return "$cookie->{name}=$cookie->{value}";
}

for my $mpm (qw(event worker prefork)) {
    subtest $mpm => sub {
        my $server  = serve(mpm => $mpm, children => $mpm eq 'prefork' ? 4 : 2, threads => $mpm eq 'prefork' ? 2 : 4, name => $mpm);
        my $browser = login($server, 'parent', to => '/ent/a?b=c');
        is($browser->url, $server->url('/ent/a?b=c'), 'a login ends where it was meant to');
        my $who = identity_of($browser);
        is_deeply([@$who{qw(REMOTE_USER AUTH_TYPE ATEN_BACKEND ATEN_ROLE)}], [qw(parent aten cas parent)], 'as the parent');
        is($browser->get($server->url('/who'))->header('x-who'), "parent $prenom{parent}", 'a file is protected as well');
        is($browser->get($server->url('/closed'))->status, 403, 'refused by the date');
        is(identity_of(login($server, 'prof', to => '/closed'))->{REMOTE_USER}, 'prof', 'who may go on, goes on');
        login_by_portal($server);
        my $script = browser()->fetch($server->url('/ent'), from => $server->url('/'));
        is($script->status, 401, 'a script without a session: 401');
        is($script->json->{login}, $server->url('/aten/login?to=%2fent'), '... and where to log in');
        is($browser->fetch($server->url('/closed'))->json->{error}, 'AT0400', 'a script that is refused by the date');

        my $slow = browser();
        $slow->get($server->url('/aten/login?profile=lent&to=/ent/slow'), until => sub ($to) { $to =~ /ticket=/ });
        my $back = $slow->page->location;
        my $held = in_background(sub { $slow->get($back); identity_of($slow)->{REMOTE_USER} });
        for (1 .. 200) { last if $faults->holding; sleep 0.05 }
        is($faults->holding, 1, 'a CAS server that is slow');
        is($browser->get($server->url('/ent/'))->status, 200, '... keeps nobody else waiting');
        is(identity_of(login($server, 'eleve'))->{REMOTE_USER}, 'eleve', '... not even a login elsewhere');
        $faults->release;
        is($held->(), 'fautes', '... and its own login ends as it should');
        $server->clean_log_ok($known);
        $server->stop_ok;
    };
}

# A login at the portal, and what is used once.
sub login_by_portal ($server) {
    my $browser = $portals->begin($server, to => '/ent/p?q=r');
    my $answer  = $portals->answer($server, $browser, 'parent');
    my $page    = $portals->forge->post($server, $browser, $answer);
    is($browser->url, $server->url('/ent/p?q=r'), 'a login by the portal ends where it was meant to');
    my $who = identity_of($page);
    is_deeply([@$who{qw(REMOTE_USER ATEN_BACKEND ATEN_ROLE)}], [$portals->user('parent'), qw(aten parent)], '... as the parent');
    is($browser->get($server->url('/who'))->header('x-who'), decoded($portals->user('parent')) . " $prenom{parent}", '... for a file as well');
    is($browser->get($server->url('/closed'))->status, 200, '... and the date does not matter');
    my $mark  = $server->log->mark;
    my $other = browser();
    $portals->forge->post($server, $other, $answer);
    ok($portals->request_of($other) && !$other->jar->find('aten'), 'the same answer a second time: a fresh request');
    like($server->log->since($mark), qr/AT0333: /, '... says the log');
    return;
}

# A header has bytes.
sub decoded ($text) { utf8::encode(my $bytes = $text); return $bytes }

# Run it in a process of its own; the result, a text, when it is asked for.
sub in_background ($code) {
    my $pid = open(my $read, '-|') // die "fork: $!";
    if (!$pid) {
        print $code->() // '';
        close STDOUT;
        POSIX::_exit(0);
    }
    return sub () {
        local $/;
        my $text = <$read>;
        close $read;
        return $text;
    };
}

for my $mpm (qw(event worker prefork)) {
    subtest "many people at once: $mpm" => sub {
        my $server  = serve(mpm => $mpm, children => $mpm eq 'prefork' ? 6 : 2, threads => $mpm eq 'prefork' ? 2 : 4, name => $mpm);
        my %cookies = map { $_ => cookie_of(login($server, $_, to => '/who')) } @people;
        my %expect  = map { $cookies{$_} => "$_ $prenom{$_}" } @people;
        for my $who (qw(eleve parent)) {
            my $cookie = cookie_of($portals->login($server, $who, to => '/who'));
            $expect{$cookie} = decoded($portals->user($who)) . " $prenom{$who}";
        }
        # Nobody, and somebody whose cookie is not whole: they are not who was there before on the same connection.
        my $middle = int(length($cookies{parent}) / 2);
        my $changed = $cookies{parent};
        substr($changed, $middle, 1) = substr($changed, $middle, 1) eq 'A' ? 'B' : 'A';
        $expect{$_} = 'nobody' for '', substr($cookies{prof}, 0, -2), $changed;
        my @expect = sort keys %expect;
        my @workers = map {
            my $seed = $_;
            in_background(sub {
                srand $seed;
                my $client = HTTP::Tiny->new(keep_alive => 1, timeout => 30, no_proxy => ['localhost'], max_redirect => 0);
                my ($right, @wrong) = (0);
                for (1 .. 15) {
                    for my $cookie (shuffle @expect) {
                        my $answer = $client->get($server->url('/who'), { headers => { Accept => 'text/html', length $cookie ? (Cookie => $cookie) : () } });
                        my $who = $answer->{status} == 303 ? 'nobody' : $answer->{headers}{'x-who'} // $answer->{status};
                        $who eq $expect{$cookie} ? $right++ : push @wrong, "$who instead of $expect{$cookie}";
                    }
                }
                return join "\n", $right, @wrong;
            });
        } 1 .. 4;
        is($_->(), 15 * @expect, 'each answer names the right person') for @workers;
        $server->clean_log_ok($known);
        $server->stop_ok;
    };
}

# --- HTTP/2 ---

# A whole login with each of our pages asked for by curl; CAS's by a browser, which it is to us as well.
sub login_by_curl ($server, $option, $origin, $who) {
    my ($start) = curl($option, { url => "$origin/aten/login?profile=autres-publics&to=/ent/h2", headers => ['Accept: text/html'] });
    is("$start->{version} $start->{status}", '2 303', 'to CAS');
    my ($pending) = map { /^([^;]*)/ } @{ $start->{headers}{'set-cookie'} };
    my $browser   = browser();
    $browser->get($start->{headers}{location}[0]);
    $browser->submit({ username => $who, password => $cas->password($who) }, until => sub ($to) { $to =~ /ticket=/ });
    my ($end) = curl($option, { url => $browser->page->location, headers => ['Accept: text/html', "Cookie: $pending"] });
    is("$end->{version} $end->{status}", '2 303', 'and back');
    is($end->{headers}{location}[0], "$origin/ent/h2", 'to where it was meant to');
    my ($cookie) = map { /^((?:__Host-)?aten=[^;]+)/ } @{ $end->{headers}{'set-cookie'} };
    return $cookie // '';
}

# ... and at the portal. The answer is one DATA frame or many.
sub login_by_curl_at_portal ($option, $origin) {
    my $site    = bless { origin => $origin }, 'Origin';
    my ($start) = curl($option, { url => "$origin/aten/login?profile=eleves-parents&to=/ent/h2", headers => ['Accept: text/html'] });
    is("$start->{version} $start->{status}", '2 303', 'to the portal');
    my ($pending) = map { /^([^;]*)/ } @{ $start->{headers}{'set-cookie'} };
    my $request   = $portals->forge->request_of(bless { to => $start->{headers}{location}[0] }, 'Redirect');
    my $answer    = $portals->forge->make($portals->case_of('parent'), $site, $request);
    my $file      = Aten::Process::spew(Aten::Process::temporary_directory('body') . '/body', $answer->{body});
    my ($acs) = curl($option, { url => "$origin/aten/saml/acs", headers => ['Accept: text/html', "Content-Type: $answer->{type}"],
        lines => [qq(data-binary = "\@$file")] });
    is("$acs->{version} $acs->{status}", '2 303', '... and back: the ACS');
    my ($result) = map { /^([^;]*)/ } grep { /result=/ } @{ $acs->{headers}{'set-cookie'} };
    my ($done) = curl($option, { url => $acs->{headers}{location}[0], headers => ['Accept: text/html', "Cookie: $pending", "Cookie: $result"] });
    is("$done->{version} $done->{status}", '2 303', '... the end');
    is($done->{headers}{location}[0], "$origin/ent/h2", '... to where it was meant to');
    my ($cookie) = map { /^((?:__Host-)?aten=[^;]+)/ } @{ $done->{headers}{'set-cookie'} };
    my ($page) = curl($option, { url => "$origin/ent/h2", headers => ['Accept: text/html', 'Cookie: ' . ($cookie // '')] });
    is($page->{env}{REMOTE_USER}, $portals->user('parent'), '... in');
    return;
}

package Origin   { sub url ($self, $path) { return "$self->{origin}$path" } }
package Redirect { sub location ($self) { return $self->{to} } }

sub check_http2 ($server, $option, $origin) {
    login_by_curl_at_portal($option, $origin);
    my %cookies = map { $_ => login_by_curl($server, $option, $origin, $_) } qw(parent prof);
    $cookies{$_} = cookie_of(login($server, $_, https => $server->{https}, browser_options => { $server->{https} ? (ca => $server->tls->ca_file) : () }))
        for qw(eleve prof-parent sans-profil);

    # All of them on one connection, many streams at a time.
    my @order    = shuffle map { ($_) x 6 } @people, 'nobody';
    my $number   = 0;
    my @requests = map {
        my @cookie = $_ eq 'nobody' ? () : ("Cookie: $cookies{$_}");
        { url => "$origin/ent/" . $number++, headers => ['Accept: text/html', @cookie] };
    } @order;
    my @answers = curl($option, @requests);
    my @seen    = map { $_->{status} == 303 ? 'nobody' : $_->{env}{REMOTE_USER} // $_->{status} } @answers;
    is_deeply(\@seen, \@order, 'each stream is its own person');
    is_deeply([map { $_->{env}{PATH_INFO} // '-' } @answers], [map { $order[$_] eq 'nobody' ? '-' : "/$_" } 0 .. $#order], '... and its own request');
    my %versions    = map { $_->{version} => 1 } @answers;
    my %connections = map { $_->{env}{REMOTE_PORT} => 1 } grep { $_->{env}{REMOTE_PORT} } @answers;
    is_deeply([keys %versions], ['2'], '... over HTTP/2');
    is(scalar keys %connections, 1, '... on one connection') if $server->{https};
    is(scalar(grep { ($_->{env}{HTTP_COOKIE} // '') =~ /aten/ } @answers), 0, '... and the application sees no cookie of ours');

    # RFC 9113, 8.2.3: a browser may send its cookies in fields of their own.
    my ($crumbs, $closed, $open, $script, $style, $head, $post) = curl($option,
        { url => "$origin/ent/", headers => ['Accept: text/html', 'Cookie: first=1', "Cookie: $cookies{parent}", 'Cookie: last=2'] },
        { url => "$origin/closed/", headers => ['Accept: text/html', "Cookie: $cookies{parent}"] },
        { url => "$origin/closed/", headers => ['Accept: text/html', "Cookie: $cookies{prof}"] },
        { url => "$origin/ent/", headers => ['Accept: application/json'] },
        { url => "$origin/aten/style.css" },
        { url => "$origin/aten/login", headers => ['Accept: text/html'], lines => ['head'] },
        { url => "$origin/ent/", headers => ['Accept: text/html', "Cookie: $cookies{prof}"], lines => ['data = "a=b"'] });
    is($crumbs->{env}{REMOTE_USER}, 'parent', 'cookies in several fields');
    is($crumbs->{env}{HTTP_COOKIE}, 'first=1; last=2', '... and the others are left');
    is($closed->{status}, 403, 'refused by the date');
    like($closed->{body}, qr{</html>\s*$}, '... with the whole page and nothing behind it');
    is($open->{env}{REMOTE_USER}, 'prof', 'who may go on, goes on');
    is("$script->{status} " . ($script->{headers}{'www-authenticate'}[0] // ''), '401 Aten', 'a script: 401');
    is($style->{status}, 200, 'the style sheet');
    is($head->{status}, 200, 'HEAD');
    cmp_ok($head->{headers}{'content-length'}[0], '>', 500, '... with the length of a page');
    is("$post->{env}{REQUEST_METHOD} $post->{env}{REMOTE_USER}", 'POST prof', 'a form');
    return;
}

for my $mpm (qw(event worker)) {
    subtest "HTTP/2 in clear, $mpm" => sub {
        my $server = serve(mpm => $mpm, children => 1, config => "Protocols h2c http/1.1\n", name => "h2c $mpm");
        check_http2($server, ['http2-prior-knowledge'], $server->url(''));
        my $cookie   = cookie_of(login($server, 'parent'));
        my ($answer) = curl(['http2'], { url => $server->url('/ent/'), headers => ['Accept: text/html', "Cookie: $cookie"] });
        is("$answer->{version} " . ($answer->{env}{REMOTE_USER} // ''), '2 parent', 'by an upgrade from HTTP/1.1')
            or diag explain $answer;
        is($answer->{env}{HTTP_COOKIE}, undef, '... and the application sees no cookie of ours');
        ($answer) = curl(['http1.1'], { url => $server->url('/ent/'),
            headers => ['Accept: text/html', "Cookie: $cookie; other=1", 'Connection: Upgrade', 'Upgrade: websocket'] });
        is("$answer->{version} $answer->{env}{REMOTE_USER} $answer->{env}{HTTP_COOKIE}", '1.1 parent other=1', 'nor after an upgrade that is not taken');
        $server->clean_log_ok($known);
    };
}

for my $mpm (qw(event worker)) {
    subtest "HTTP/2 over TLS, $mpm" => sub {
        my $server = serve(https => 1, mpm => $mpm, children => 1, name => "h2 $mpm", config => <<~'END');
            <VirtualHost *:@HTTPS_PORT@>
                @TLS_CONFIG@
                Protocols h2 http/1.1
            </VirtualHost>
            END
        check_http2($server, ['http2', 'cacert = "' . $server->tls->ca_file . '"'], $server->url('', https => 1));
        $server->clean_log_ok($known);
    };
}

done_testing;

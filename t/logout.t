# Logout here: who may ask for it, what is said, and that every copy of the cookie is dead at once, in every process, on
# connections that remember it, after restarts. Sessions by CAS; SAML has tests of its own.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Ended;
use Aten::Test;
use Aten::URL ();
use Faults;
use Time::HiRes qw(sleep time);

need_module;

my $cas    = Aten::CAS->new;
my $faults = Faults->new(tls => 0);
my $server = Aten::Server->new(cas => $cas, config => ended_config(faults => $faults), name => 'httpd');
my $base   = $server->url('');
my $asks   = 'Voulez-vous vous déconnecter ?';

# Somebody who has logged in: the cookie's text.
sub session () { return cookie_of(enter($server)) // die 'no session' }

# But the one by which the logout itself comes back.
sub set_cookies ($page) { return [grep { !/^aten-logout=/ } $page->header_all('set-cookie')] }

my $taken_away = ['aten=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'];

sub in_ok ($cookie, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(who($server, $cookie), 'fautes', $name);
}

sub out_ok ($cookie, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(who($server, $cookie), 'nobody', $name);
}

# Asked whether they want it: nothing has happened yet. Returns the page.
sub asked_ok ($page, $cookie, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($page->status, 200, "$name: a page");
    is($page->h1, $asks, '... that asks');
    is_deeply(set_cookies($page), [], '... and takes nothing away');
    in_ok($cookie, '... the session goes on');
    return $page;
}

# Logged out: on the way to the CAS server, which ends its session too.
sub logged_out_ok ($page, $cookie, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($page->status, 303, "$name: a redirect") or diag $page->text;
    my $there = $faults->url('good') . '/logout?service=';
    is(index($page->location // '', $there), 0, '... to the CAS server\'s logout');
    is_deeply(set_cookies($page), $taken_away, '... the cookie goes');
    out_ok($cookie, '... and its copies are dead');
    return;
}

# --- who asks ---

my $evil = 'http://evil.example';
my @from = (
    # Sec-Fetch-Site, Referer, asked?, why
    ['same-origin', "$base/ent/",  0, 'a page of this site'],
    ['same-origin', undef,         0, '... that sends no Referer'],
    ['same-site',   undef,         0, 'an application beside it'],
    ['none',        undef,         0, 'typed, or a bookmark'],
    ['cross-site',  undef,         1, 'a foreign page'],
    ['cross-site',  "$evil/",      1, '... that says who it is'],
    ['cross-site',  "$base/ent/",  1, '... that says it is of this site'],
    ['',            "$base/ent/",  1, 'an empty word'],
    ['Same-Origin', undef,         1, 'a word that no browser sends'],
    ['same-origin, cross-site', undef, 1, 'two words'],
    [undef,         undef,         1, 'an old browser that says nothing'],
    [undef,         "$base/ent/x", 0, 'an old browser on a page of this site'],
    [undef,         $base,         0, '... of which it names the origin alone'],
    [undef,         "$evil/",      1, 'an old browser on a foreign page'],
    [undef,         "$evil/$base/",          1, '... with our address in its path'],
    [undef,         "$evil/?$base/",         1, '... in its query'],
    [undef,         "$base\@evil.example/",  1, '... as a user name'],
    [undef,         "$base.evil.example/",   1, '... as the begin of its name'],
    [undef,         'localhost',   1, 'a Referer that is no address'],
);

for my $method (qw(GET POST)) {
    subtest "who may log somebody out: $method" => sub {
        for my $case (@from) {
            my ($site, $referer, $asked, $why) = @$case;
            my $cookie  = session();
            my $mark    = $server->log->mark;
            my %headers = ('sec-fetch-site' => $site, referer => $referer);
            delete @headers{ grep { !defined $headers{$_} } keys %headers };
            my $page    = ask("$base/aten/logout?to=/public/bye", $cookie, method => $method, headers => \%headers,
                $method eq 'POST' ? (body => '') : ());
            $asked ? asked_ok($page, $cookie, $why) : logged_out_ok($page, $cookie, $why);
            next if !$asked;
            like($server->log->wait_like(qr/AT0170/, $mark), qr/auth_aten:debug.*AT0170/, '... and the log says why');
        }
    };
}

# A neighbour domain can plant a cookie of the name.
subtest 'two cookies of the name' => sub {
    my ($one, $two, $three) = map { session() } 1 .. 3;
    my $page = ask("$base/aten/logout", "$one; $two", headers => { 'sec-fetch-site' => 'same-origin' });
    is($page->status, 303, 'out');
    out_ok($one, 'the session is dead');
    out_ok($two, '... and the one behind it');
    in_ok($three, '... and no other');
    ask("$base/aten/logout", "aten=broken; $three", headers => { 'sec-fetch-site' => 'same-origin' });
    out_ok($three, 'behind one that is broken too');
};

subtest 'the question' => sub {
    my $browser = enter($server);
    my $cookie  = cookie_of($browser);
    my $page    = $browser->get("$base/aten/logout?to=%2Fpublic%2Fbye%3Fx%3Dy", from => "$evil/page");
    asked_ok($page, $cookie, 'a link on a foreign page');
    is($page->header('cache-control'), 'no-store', 'stored nowhere');
    is($page->header('x-frame-options'), 'DENY', 'shown in no frame, where a click could be stolen');
    my $yes = $page->link(qr/confirm=/);
    ok($yes, 'there is a button') or return;
    is(index($yes->{url}, "$base/aten/logout?"), 0, '... that leads to the logout');
    like($yes->{url}, qr/[?&]to=%2fpublic%2fbye%3fx%3dy(?:&|$)/, '... with where to go');
    like($yes->{url}, qr/[?&]confirm=[\w-]{20,}(?:&|$)/, '... and a secret');
    my ($no) = grep { $_->{text} eq 'Rester connecté' } $page->links;
    unlike($no->{href} // 'logout', qr/logout/, '... and one that does not');
    unlike($page->html, qr/\Q@{[ $cookie =~ s{^aten=}{}r ]}\E/, 'the cookie stands nowhere on it');
    $page = $browser->get("$base/aten/logout", from => "$evil/", headers => { 'accept-language' => 'en' });
    is($page->h1, 'Do you want to log out?', 'in English too');
    $browser->get("$base/aten/logout?to=%2Fpublic%2Fbye%3Fx%3Dy", from => "$evil/page");
    $page = $browser->click(qr/confirm=/, follow => 0);
    logged_out_ok($page, $cookie, 'the button');

    my $hostile = $browser->get("$base/aten/logout?to=//evil.example/", from => "$evil/");
    unlike($hostile->html, qr/evil\.example/, 'a bad address to go to stands nowhere');
};

subtest 'the secret of the question' => sub {
    my $foreign = { 'sec-fetch-site' => 'cross-site' };
    my $secret  = sub ($cookie) {
        my $page = ask("$base/aten/logout", $cookie, headers => $foreign);
        return ($page->link(qr/confirm=/)->{url} =~ /confirm=([\w-]+)/)[0];
    };
    my ($cookie, $other) = (session(), session());
    my ($own, $others)   = map { $secret->($_) } $cookie, $other;
    isnt($own, $others, 'each session has its own');
    is($secret->($cookie), $own, 'and keeps it');
    my @wrong = (
        ['',                            'none'],
        [$others,                       'of another session'],
        [substr($own, 0, -1),           'cut short'],
        ["${own}A",                     'longer'],
        [$own =~ tr/a-zA-Z/b-zaB-ZA/r,  'changed'],
        ['1',                           'a guess'],
        ["%20$own",                     'with a blank'],
    );
    for my $case (@wrong) {
        my $page = ask("$base/aten/logout?confirm=$case->[0]", $cookie, headers => $foreign);
        asked_ok($page, $cookie, "a secret $case->[1]");
        unlike($page->html, qr/\Q$others\E/, '... which is not repeated') if $case->[0] eq $others;
    }
    for my $query ("confirm=$own&confirm=$own", "confirm=$others&confirm=$own", "confirm=$own&to=/a&to=/b") {
        my $page = ask("$base/aten/logout?$query", $cookie, headers => $foreign);
        is($page->status, 400, 'a parameter that stands twice: refused');
        in_ok($cookie, '... the session goes on');
    }
    in_ok($other, 'the other one too');
    logged_out_ok(ask("$base/aten/logout?confirm=$own", $cookie, headers => $foreign), $cookie, 'the right one');
    in_ok($other, '... and no other session');
};
$server->clean_log_ok;

subtest 'what brings no cookie logs nobody out' => sub {
    my $browser = enter($server);
    my $cookie  = cookie_of($browser);
    for my $dest (qw(image iframe)) {
        $browser->fetch("$base/aten/logout", from => "$evil/", dest => $dest);
        in_ok($cookie, "$dest on a foreign page");
    }
    $browser->post_form("$base/aten/logout", {}, from => "$evil/", follow => 0);
    in_ok($cookie, 'a form of a foreign page');
    is(ask("$base/aten/logout", $cookie, method => $_)->status, 405, "$_: refused") for qw(HEAD OPTIONS PUT DELETE);
    in_ok($cookie, '... and nothing happens');
};

# --- what is said, and where it leads ---

subtest 'by way of the real CAS server' => sub {
    my $enter   = sub { login($server, 'prof', to => '/ent/', browser => $_[0] // browser()) };
    my $browser = $enter->();
    my $cookie  = cookie_of($browser);
    my $page    = $browser->get("$base/aten/logout?to=/public/bye%3Fx", from => "$base/ent/");
    my ($first, $second, $third) = $page->redirects;
    my ($service) = $first->{to} =~ /\?service=([^&]+)$/;
    is($first->{status}, 303, 'a redirect');
    is(index($first->{to}, $cas->url . '/logout?'), 0, '... to the CAS server\'s logout');
    is_deeply(set_cookies($first->{page}), $taken_away, '... the session cookie goes');
    is($first->{page}->header('cache-control'), 'no-store', '... kept by nobody');
    like(Faults::service_of("?service=$service"), qr{^\Q$base\E/aten/cas(\?.*)?$},
        '... which sends back to an address of its registry');
    is($second->{to}, Faults::service_of("?service=$service"), 'the CAS server does');
    is($third->{status}, 303, 'where the last redirect');
    is($page->url, "$base/public/bye?x", '... leads to where the person wants to go');
    ok(!$browser->jar->find('aten'), 'no cookie is left');
    is_deeply([$browser->jar->refused], [], 'and none was refused');
    out_ok($cookie, 'copies are dead');
    $browser->get("$base/ent/");
    is($browser->page->h1, 'Indiquez votre profil', 'out here');
    ok($browser->click('Autres publics')->form(0), 'out there: the password is asked for');

    $enter->($browser);
    is(identity_of($browser)->{REMOTE_USER}, 'prof', 'in again');
    $page = $browser->get("$base/aten/logout");
    is($page->status, 200, 'without an address to go to: a page');
    is($page->h1, 'Vous êtes déconnecté', '... that says it');
    like($page->text, qr/Votre session de l’ENT est terminée\./, '... of the session here');
    like($page->text, qr/\(CAS\) vous a déconnecté aussi/, '... and of the one there');
    ok($page->link(qr{/accueil/$}), '... with a way on');
    is($page->header('cache-control'), 'no-store', '... kept by nobody');

    my @odd = qw(//evil.example/ https://evil.example/ /\evil.example %2F%2Fevil.example /aten/login);
    for my $odd (@odd) {
        $enter->($browser);
        $page = $browser->get("$base/aten/logout?to=" . Aten::URL::escape($odd), from => $base);
        like($page->url, qr{^\Q$base\E/(?:aten/cas|accueil/)}, "an odd address to go to leads nowhere else: $odd");
        ok(!$browser->jar->find('aten'), '... and the session ends');
    }
    is_deeply([$cas->not_told], [], 'the CAS server could tell this one, too');
};

subtest 'the address that CAS sends back to, opened by anybody' => sub {
    my $cookie = session();
    my $leaving = logout_at_once($server, session(), path => '/aten/logout?to=/public/');
    my $service = Faults::service_of($leaving->location);
    for my $case (
        [$service,                                      'of another browser'],
        ["$base/aten/cas?logout",                       'without a value'],
        ["$base/aten/cas?logout=",                      'empty'],
        ["$base/aten/cas?logout=" . 'x' x 3000,         'long'],
        ["$base/aten/cas?logout=1&to=//evil.example/",  'with a bad way on'],
        ["$base/aten/cas?logout=1&to=/public/&ticket=ST-1&state=AAAAAAAAAAAAAAAAAAAAAA.0.vite", 'with a ticket'],
    ) {
        my ($address, $why) = @$case;
        my $page = ask($address, $cookie);
        cmp_ok($page->status, '<', 500, "$why: no error of ours");
        is_deeply(set_cookies($page), [], '... takes nothing away');
        like($page->location // $base, qr/^(?:\Q$base\E|\Q@{[ $faults->url('good') ]}\E)/, '... leads nowhere else');
        unlike($page->text, qr/Votre session de l’ENT est terminée/, '... and claims nothing that is not so');
        in_ok($cookie, '... the session goes on');
        my $nobody = ask($address, undef);
        cmp_ok($nobody->status, '<', 500, '... without a session: no error of ours');
        unlike($nobody->text, qr/déconnecté aussi/, '... and nothing is claimed of the CAS server');
        like($nobody->location // $base, qr/^(?:\Q$base\E|\Q@{[ $faults->url('good') ]}\E)/, '... leads nowhere else');
    }
    is(ask("$base/aten/cas?logout=1&logout=1", $cookie)->status, 400, 'twice: refused');
};

subtest 'without a session' => sub {
    my $page = ask("$base/aten/logout", undef, headers => { 'sec-fetch-site' => 'cross-site' });
    is($page->status, 200, 'a page');
    is($page->h1, 'Vous êtes déconnecté', '... says so');
    like($page->text, qr/pas de session ouverte/, '... and that there was none');
    is_deeply(set_cookies($page), [], '... and there is no cookie to take away');
    is(ask("$base/aten/logout?to=/public/", undef)->location, "$base/public/", '... or straight to the page');
    my $count = store_transaction($server);
    for my $cookie ('aten=broken', 'aten=' . 'A' x 600, session() =~ s/.$//r) {
        $count = store_transaction($server);
        $page  = ask("$base/aten/logout", $cookie);
        is_deeply(set_cookies($page), $taken_away, 'a cookie that is no session goes too');
        is(store_transaction($server), $count, '... and writes nothing');
    }
};

subtest 'two tabs, twice' => sub {
    my $browser = enter($server);
    my $cookie  = cookie_of($browser);
    my @pages   = map { logout_at_once($server, $cookie) } 1, 2;
    is($pages[0]->status, 303, 'the first ends it');
    is($pages[1]->status, 200, 'the second has nothing to end');
    is($pages[1]->h1, 'Vous êtes déconnecté', '... and says so');
    is_deeply(set_cookies($pages[1]), $taken_away, '... and takes the cookie away all the same');
};

# --- dead everywhere ---

subtest 'dead in every way of asking' => sub {
    my $browser = enter($server);
    my $cookie  = cookie_of($browser);
    my $alive   = session();
    logged_out_ok(logout_at_once($server, $cookie), $cookie, 'logged out');
    ok(!ask("$base/aten/session", $cookie)->json->{authenticated}, '/aten/session: nobody');
    ok(ask("$base/aten/session", $alive)->json->{authenticated}, '... somebody else: somebody');
    my $script = ask("$base/ent/", $cookie, headers => { accept => 'application/json' });
    is($script->status, 401, 'a script: 401');
    is($script->json->{error}, 'AT0406', '... no session');
    is(ask("$base/ent/", $cookie, method => 'POST', body => 'a=b',
        headers => { 'content-type' => 'application/x-www-form-urlencoded' })->status, 303, 'a form: to the chooser');
    my $open = ask("$base/maybe/", $cookie);
    is($open->status, 200, 'where a session is optional: let through');
    is($open->header('x-who') // '', '', '... as nobody');
    is(identity_of($open)->{REMOTE_USER}, undef, '... as the application sees it');
    is(ask("$base/maybe/", $alive)->header('x-who'), 'fautes', '... somebody else as somebody');
    my $chooser = ask("$base/aten/login", $cookie);
    unlike($chooser->text, qr/déjà connecté|fautes/, 'the chooser knows nobody');
    is(ask("$base/public/", $cookie)->status, 200, 'public pages go on');
    is(env_of(ask("$base/public/", $cookie))->{HTTP_COOKIE}, undef, '... and do not see it either');
    is(who($server, "$cookie; $alive"), 'fautes', 'beside a cookie that is alive: that one counts');
};

# With the worker MPM a connection that is kept open holds a thread, so that as many connections as there are threads
# reach every process; with prefork each holds a process.
for my $shape (['worker', 2, 3], ['prefork', 3, 1], ['event', 2, 4]) {
    my ($mpm, $children, $threads) = @$shape;
    subtest "dead on connections that remember it, in all processes: $mpm" => sub {
        my $site = Aten::Server->new(cas => $cas, config => ended_config(faults => $faults), mpm => $mpm, name => $mpm,
            children => $mpm eq 'prefork' ? 1 : $children, threads => $mpm eq 'prefork' ? $children : $threads);
        my $browser = enter($site, browser_options => { keep_alive => 0 });
        my $other   = enter($site, browser_options => { keep_alive => 0 });
        my ($cookie, $alive) = map { cookie_of($_) } $browser, $other;
        my $mark = -s $site->root . '/logs/processes.log';
        my @open = map { connection() } 1 .. $children * $threads;
        my $who  = sub ($copy) { join ' ', map { who($site, $copy, on => $_) } @open };
        my $all  = sub ($name) { join ' ', ($name) x @open };
        is($who->($cookie), $all->('fautes'), 'in on all of them');
        is($who->($cookie), $all->('fautes'), '... and again');
        is(logout_at_once($site, $cookie, on => $open[0])->status, 303, 'logged out on the first');
        is($who->($cookie), $all->('nobody'), 'out on all of them, at once');
        is($who->($alive), $all->('fautes'), '... but nobody else');
        my @answers = answered_by($site, $mark, 4 * @open + 1);
        my %pids    = map { $_->{pid} => 1 } grep { $_->{path} eq '/who' } @answers;
        $mpm eq 'event' ? cmp_ok(scalar keys %pids, '>=', 1, scalar(keys %pids) . ' processes answered')
            : is(scalar keys %pids, $children, "all $children processes answered");
        cmp_ok(scalar(grep { $_->{nth} >= 2 } @answers), '>=', 2 * @open, '... on connections that were kept');
        undef @open;
        for my $restart ($mpm eq 'event' ? qw(graceful reload restart) : 'graceful') {
            $site->$restart;
            is(who($site, $cookie), 'nobody', "after a $restart: out");
            is(who($site, $alive), 'fautes', '... somebody else in');
        }
        $site->clean_log_ok;
    };
}

subtest 'requests sent at once on one connection' => sub {
    my $cookie  = session();
    my $head    = "Host: localhost:" . $server->port . "\r\nAccept: text/html\r\nCookie: $cookie\r\n";
    my $request = sub ($path, $more = '') { return "GET $path HTTP/1.1\r\n$head$more\r\n" };
    my $own    = "Sec-Fetch-Site: same-origin\r\n";
    my $answer = raw_request($server->port, join '', $request->('/who'), $request->('/aten/logout', $own),
        $request->('/who', "Connection: close\r\n"));
    my @status = $answer =~ m{^HTTP/1\.1 (\d+)}mg;
    is("@status", '200 303 303', 'in, the logout, out');
    is(scalar(() = $answer =~ m{^Location: \S*/aten/login\?}mg), 1, '... to the chooser');
};

# What other clients do all the time while somebody logs out.
subtest 'requests at the same moment' => sub {
    my $cookie = session();
    my $work   = sub ($number, $going) {
        my ($client, @seen) = ($number % 2 ? connection() : undef);
        while ($going->()) {
            my $began = time;
            push @seen, [$began, who($server, $cookie, $client ? (on => $client) : ())];
        }
        return \@seen;
    };
    my ($when, $data) = beside(4, $work, sub {
        sleep 0.3;
        my $page = logout_at_once($server, $cookie);
        my $when = time;
        is($page->status, 303, 'logged out under load');
        sleep 0.3;
        return $when;
    });
    my @seen  = map { @$_ } @$data;
    my @odd   = grep { $_->[1] !~ /^(?:fautes|nobody)$/ } @seen;
    my @late  = grep { $_->[0] > $when && $_->[1] ne 'nobody' } @seen;
    my $after = grep { $_->[0] > $when } @seen;
    cmp_ok(scalar(grep { $_->[1] eq 'fautes' } @seen), '>=', 20, 'in before it');
    cmp_ok($after, '>=', 20, "$after requests after it");
    is(scalar @late, 0, 'none of these got in');
    is_deeply(\@odd, [], 'and none met an error');
};

# --- HTTP/2 ---

# Requests by curl over one connection, one after the other or all at once. Returns [status, X-Who] of each, in order.
sub curl ($ca, $parallel, @requests) {
    my $directory = Aten::Process::temporary_directory('curl');
    my @parts     = map {
        my ($url, @headers) = @{ $requests[$_] };
        join "\n", 'no-progress-meter', 'http2', "cacert = \"$ca\"", "url = \"$url\"", "output = \"$directory/body$_\"",
            "dump-header = \"$directory/head$_\"", map({ qq(header = "$_") } @headers), '';
    } 0 .. $#requests;
    my $file = Aten::Process::spew("$directory/config", join "next\n", @parts);
    my $how  = $parallel ? '--parallel' : '';
    my $said = `curl --disable --noproxy '*' --max-time 60 $how --config '$file' 2>&1`;
    is($said, '', 'curl has nothing to say');
    return map {
        my $head     = Aten::Process::slurp("$directory/head$_");
        my ($status) = $head =~ m{^HTTP/2 (\d+)};
        my ($user)   = $head =~ /^x-who: *(\S*)/mi;
        [$status // $head, $user // ''];
    } 0 .. $#requests;
}

subtest 'HTTP/2' => sub {
    my $site = Aten::Server->new(
        cas => $cas, https => 1, name => 'HTTP/2', children => 2, threads => 8,
        config => "Protocols h2 http/1.1\n<VirtualHost *:\@HTTPS_PORT\@>\nServerName localhost\n\@TLS_CONFIG\@\n"
            . ended_config(faults => $faults, base => 'https://localhost:@HTTPS_PORT@') . "</VirtualHost>\n",
    );
    my $ca      = $site->tls->ca_file;
    my $at      = sub ($path) { $site->url($path, https => 1) };
    my $session = sub { cookie_of(enter($site, base => $at->(''), browser_options => { ca => $ca })) };
    my $cookie  = $session->();
    like($cookie, qr/^__Host-aten=/, 'a session');
    my $line   = "Cookie: $cookie";
    my $accept = 'Accept: text/html';
    my $who    = [$at->('/who'), $accept, $line];
    my $leave  = [$at->('/aten/logout'), $accept, $line, 'Sec-Fetch-Site: same-origin'];
    my $show   = sub { join ' ', map { $_->[0] == 200 ? $_->[1] : $_->[0] } @_ };
    my $mark   = -s $site->root . '/logs/processes.log';
    is($show->(curl($ca, 0, $who, $who, $leave, $who, $who)), 'fautes fautes 303 303 303',
        'on one connection: in, in, the logout, out, out');
    my @answers = answered_by($site, $mark, 5);
    my %pids    = map { $_->{pid} => 1 } @answers;
    is(scalar keys %pids, 1, '... which one process served');
    is($show->(curl($ca, 1, ($who) x 10)), join(' ', (303) x 10), 'ten streams at once: all out');

    # Streams at the same moment as the logout may come before it or after it; those of the next connection may not.
    $line  = 'Cookie: ' . $session->();
    $who   = [$at->('/who'), $accept, $line];
    $leave = [$at->('/aten/logout'), $accept, $line, 'Sec-Fetch-Site: same-origin'];
    my @mixed = curl($ca, 1, ($who) x 5, $leave, ($who) x 5);
    is($mixed[5][0], 303, 'a logout among ten streams');
    is_deeply([grep { !/^(?:200|303)$/ } map { $_->[0] } @mixed], [], '... each is in or out');
    is($show->(curl($ca, 1, ($who) x 3)), '303 303 303', '... and all out after it');
    $site->clean_log_ok(qr/AH02008|AH02032/);
};

$server->clean_log_ok;
done_testing;

# What a hostile reading of all that ends sessions found: each of these ended a session that nobody here wanted ended,
# kept somebody out, kept a session alive, or let strangers write into the store.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Cluster ();
use Aten::Ended;
use Aten::Forge ();
use Aten::ForgeLogout ();
use Aten::Redis ();
use Aten::Test;
use Aten::URL ();
use Faults;
use Time::HiRes qw(sleep time);

need_module;

my $evil   = 'http://evil.example';
my $cas    = Aten::CAS->new;
my $faults = Faults->new(tls => 0);

# --- pages of other sites ---

subtest 'a foreign page and switch=1, by a browser that does not say where it comes from' => sub {
    my $server = Aten::Server->new(cas => $cas, config => ended_config(faults => $faults), name => 'switch');
    my $base   = $server->url('');
    for my $case (
        [{ referer => "$evil/" },          'fautes', 'a foreign page'],
        [{},                               'fautes', 'no word of who asks'],
        [{ referer => "$base.evil.example/" }, 'fautes', 'a name that begins like ours'],
        [{ referer => "$base/who" },       'nobody', 'a page of this site'],
        [{ 'sec-fetch-site' => 'same-origin' }, 'nobody', '... as newer browsers say it'],
        [{ 'sec-fetch-site' => 'odd' },    'fautes', 'a word that no browser sends'],
    ) {
        my ($headers, $wanted, $why) = @$case;
        my $cookie = cookie_of(enter($server));
        ask("$base/aten/login?profile=vite&to=/who&switch=1", $cookie, headers => $headers);
        is(who($server, $cookie), $wanted, "$why: " . ($wanted eq 'nobody' ? 'the session ends' : 'the session goes on'));
    }
    for my $case (
        [{ 'sec-fetch-site' => 'same-origin', 'sec-fetch-dest' => 'image', 'sec-fetch-mode' => 'no-cors' },
            'a picture on a page of this site'],
        [{ 'sec-fetch-site' => 'same-site', 'sec-fetch-dest' => 'iframe', 'sec-fetch-mode' => 'navigate' },
            'a frame beside it'],
        [{ 'sec-fetch-site' => 'same-origin', 'sec-fetch-dest' => 'document', 'sec-fetch-mode' => 'navigate',
                'sec-purpose' => 'prefetch;prerender' }, 'a browser that prepares a page which nobody asked for yet'],
    ) {
        my ($headers, $why) = @$case;
        for my $path ('/aten/logout', '/aten/login?switch=1') {
            my $cookie = cookie_of(enter($server));
            ask("$base$path", $cookie, headers => $headers);
            is(who($server, $cookie), 'fautes', "$path: $why does not end the session");
        }
    }
    my $cookie = cookie_of(enter($server));
    ask("$base/aten/login?switch=1", $cookie, method => 'HEAD', headers => { 'sec-fetch-site' => 'same-origin' });
    is(who($server, $cookie), 'fautes', 'a HEAD ends nothing');
};

# Room for a pending login is made at the session's expense where there are portals, and who decides how much room that
# is may be a foreign page: by the address to go to.
subtest 'a long address to go to' => sub {
    my $forge  = Aten::Forge->new;
    my $more   = qq{<AtenProfile vite>\nAtenLabel "Vite"\nAtenBackend cas @{[ $faults->url('good') ]}\n</AtenProfile>\n};
    my $server = Aten::Server->new(config => $forge->config(inside => $more), name => 'room');
    $faults->person('fautes', { sn => ['x' x 900], map { ("a$_" => ['y' x 60]) } 1 .. 10 });
    my $browser = enter($server, to => '/ent/');
    $faults->person;
    my $cookie  = cookie_of($browser) // die $browser->page->text;
    my $in      = sub { ask($server->url('/aten/session'), $cookie)->json->{authenticated} };
    ok($in->(), 'logged in, with a cookie of ' . length($cookie) . ' bytes');
    for my $length (10, 1000, 2000) {
        my $to   = '/' . 'a/' x ($length / 2);
        my $page = ask($server->url("/aten/login?profile=agents&to=$to"), $cookie,
            headers => { 'sec-fetch-site' => 'cross-site' });
        ok($in->(), "a foreign page asks for another login, with $length bytes: the session goes on")
            or diag $page->status, ' ', join "\n", $page->header_all('set-cookie');
    }
    $server->clean_log_ok($forge->start_lines);
};

# --- people ---

subtest 'a portal that gives no SessionIndex, and always the same NameID' => sub {
    my $forge  = Aten::Forge->new(logout => 1);
    my $server = Aten::Server->new(config => $forge->config, name => 'again');
    my $logout = Aten::ForgeLogout->new($forge, $server);
    my $in     = sub ($browser) {
        return $browser->fetch($server->url('/aten/session'), from => $server->url('/'))->json->{authenticated};
    };
    for my $case (
        ['good/session-index-none', 'no SessionIndex', {}],
        ['good/signed-assertion',   'the same SessionIndex', { session_index => 's1' }],
    ) {
        my ($name, $why, $more) = @$case;
        my %person = (name_id => "persistent $why", case => $name, %$more);
        my $browser = $logout->login(%person);
        ok($in->($browser), "$why: logged in");
        $browser->get($server->url('/aten/logout'), from => $server->url('/ent/'),
            until => sub ($address) { defined $logout->portal_of($address) });
        my $said = $logout->read($browser->page) // die $browser->page->text;
        $logout->send($browser, $logout->good(kind => 'response', in_response_to => $said->{id},
            relay_state => $said->{relay_state}));
        ok(!$in->($browser), '... logged out, here and at the portal');
        sleep 7; # its answers say that the password was typed five seconds ago
        my $again = $logout->login(%person);
        ok($in->($again), '... and can log in again') or diag $again->page->status, ' ', $again->page->text;
    }
    $server->clean_log_ok($forge->start_lines);
};

# --- a store that is repaired while the server runs ---

sub break_store ($server) {
    mkdir $server->root . "/state$_" or die $! for '', '/store';
    my $file = Aten::Process::spew($server->root . '/state/store/data.mdb', '');
    chmod 0600, $file;
    return $file;
}

subtest 'a store that could not be opened at the start' => sub {
    plan skip_all => 'root alone can make files that children cannot read' if $>;
    my $server = Aten::Server->prepare(cas => $cas, config => ended_config(faults => $faults), name => 'repaired');
    my $file   = break_store($server);
    $server->run;
    is(enter($server)->page->status, 503, 'nobody can log in');
    unlink $file;
    sleep 6;
    my $page;
    for (1 .. 4) {
        $page = enter($server)->page;
        last if $page->status == 200;
        sleep 2;
    }
    is($page->status, 200, 'when it was repaired, people log in without a restart, as the log promised');
    $server->clean_log_ok(qr/AtenStateDir|AT01/);
};

subtest '... of several servers' => sub {
    plan skip_all => 'root alone can make files that children cannot read' if $>;
    my $redis   = Aten::Redis->new;
    my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, nodes => 1, children => 1);
    my $node    = $cluster->add(run => 0);
    my $file    = break_store($node);
    $node->run;
    my $person = $cluster->login(0, 'prof');
    is($cluster->who($person, 1), 503, 'it does not know who was logged out');
    unlink $file;
    sleep 6;
    is($cluster->wait_who($person, 'prof', 15, 1), 'prof', 'when it was repaired, it does');
    $node->log_like(qr/AtenStateDir: the store could be opened at last/, 'the log says that it was');
    my $copy = $cluster->browser(0);
    $copy->jar->set(name => 'aten', value => $person->jar->find('aten')->{value}, domain => 'localhost');
    $cluster->logout($person, 1);
    is($cluster->wait_who($copy, 'out', 5), 'out out', 'a logout there reaches the others');
    my $other = $cluster->login(1, 'parent');
    $copy->jar->set(name => 'aten', value => $other->jar->find('aten')->{value}, domain => 'localhost');
    $cluster->logout($other, 0);
    is($cluster->wait_who($copy, 'out', 5), 'out out', 'a logout elsewhere reaches it');
    $cluster->clean_logs_ok(qr/AtenStateDir|AtenStore|AT01/);
};

# --- strangers who write ---

subtest 'a ticket that was invented twice: for a login, and for its logout' => sub {
    my $redis   = Aten::Redis->new;
    my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, nodes => 2);
    my $browser = $cluster->browser(0);
    my $page    = $browser->get($cluster->url('/aten/login?profile=autres-publics&to=/who'), follow => 0);
    my ($state) = Aten::Forge::unescape($page->location) =~ /state=([^&]+)/;
    my ($cookie) = map { /^(aten-login-\d+=[^;]+)/ ? $1 : () } $page->header_all('set-cookie');
    ok($state && $cookie, 'somebody who never logs in begins a login') or return;
    my $before = $redis->command(XLEN => 'aten:ended');
    # What servers note when they meet their Redis for the first time is no part of this.
    my @marks;
    for (1 .. 20) {
        my @now = map { store_transaction($cluster->node($_)) } 0, 1;
        last if "@now" eq "@marks";
        @marks = @now;
        sleep 1;
    }
    for my $i (1 .. 20) {
        my $ticket = "ST-invented-$i";
        my $port   = $cluster->node(0)->port;
        ask("http://localhost:$port/aten/cas?state=$state&ticket=$ticket", $cookie);
        $cluster->back_channel(1, $cluster->url('/aten/cas'), $ticket);
    }
    sleep 1;
    is($redis->command(XLEN => 'aten:ended') - $before, 0, '... and the servers tell each other nothing of it');
    is(store_transaction($cluster->node($_)) - $marks[$_], 0, "... nothing was written at node $_") for 0, 1;
    $cluster->clean_logs_ok;
};

done_testing;

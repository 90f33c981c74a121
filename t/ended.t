# Sessions that end before their time without a logout: replaced by a new login, revoked by hand; and none that comes
# back to life by a late answer, a second tab, or a clock that jumps.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Ended;
use Aten::Test;
use Faults;
use Time::HiRes qw(sleep time);

need_module;

my $cas    = Aten::CAS->new;
my $faults = Faults->new(tls => 0);
my $more   = <<~"END";
    <AtenProfile refus>
        AtenLabel "Refus"
        AtenBackend cas @{[ $faults->url('failure-internal-error') ]}
    </AtenProfile>
    <AtenProfile faux>
        AtenLabel "Faux billet"
        AtenBackend cas @{[ $faults->url('failure-invalid-ticket') ]}
    </AtenProfile>
    END
my $config = ended_config(faults => $faults, more => $more);
my $server = Aten::Server->new(cas => $cas, config => $config, children => 2, threads => 6, name => 'httpd');
my $base   = $server->url('');
my $evil   = 'http://evil.example';

sub in_ok ($cookie, $name, $who = 'fautes') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(who($server, $cookie), $who, $name);
}

sub out_ok ($cookie, $name) { return in_ok($cookie, $name, 'nobody') }

# --- a new login ---

subtest 'a new login ends the session that it replaces' => sub {
    my $browser = enter($server);
    my $first   = cookie_of($browser);
    my $kept    = connection();
    my $apart   = cookie_of(enter($server));
    is(who($server, $first, on => $kept), 'fautes', 'in');
    my $mark = store_transaction($server);
    enter_again($server, $browser);
    my $second = cookie_of($browser);
    is(store_transaction($server) - $mark, 1, 'logged in again, in one transaction');
    isnt($second, $first, '... with another session');
    in_ok($second, '... which lives');
    out_ok($first, '... and ends the one before');
    is(who($server, $first, on => $kept), 'nobody', '... on a connection that remembers it too');
    in_ok($apart, 'another browser of the same person goes on');

    my %before = map { $_ => 1 } $first, $second;
    for my $turn (1 .. 3) {
        my $old = cookie_of($browser);
        enter_again($server, $browser);
        my $new = cookie_of($browser);
        ok(!$before{$new}++, "once more ($turn): another one again");
        out_ok($old, '... and the one before is dead');
    }
    my $old = cookie_of($browser);
    login($server, 'prof', browser => $browser, to => '/who');
    is($browser->page->header('x-who'), 'prof', 'as somebody else, at another CAS server');
    out_ok($old, '... the one before is dead');
    in_ok(cookie_of($browser), '... the new one lives', 'prof');
};

subtest 'with switch=1' => sub {
    my $browser = enter($server);
    my $cookie  = cookie_of($browser);
    my $ticket  = sub ($address) { $address =~ /ticket=/ };
    $browser->get("$base/aten/login?profile=vite&to=/who&switch=1", from => "$evil/", until => $ticket);
    in_ok($cookie, 'a foreign page cannot end the session by it');
    $browser->get("$base/who");
    $browser->get("$base/aten/login?profile=vite&to=/who&switch=1", from => "$base/who", until => $ticket);
    out_ok($cookie, 'a page of this site: the live session ends first');
    $browser->get($browser->page->location);
    is($browser->page->header('x-who'), 'fautes', 'the new one gets in');
    in_ok(cookie_of($browser), '... and lives');
    out_ok($cookie, '... the old one stays dead');
};

subtest 'what does not end a session' => sub {
    my $browser = enter($server);
    my $cookie  = cookie_of($browser);
    for my $profile (qw(refus faux)) {
        enter($server, browser => $browser, profile => $profile);
        ok(!reached($browser), "a login that fails ($profile)");
        in_ok($cookie, '... leaves it as it is');
    }
    $browser->get("$base/aten/login?profile=vite&to=/who", until => sub { 1 });
    in_ok($cookie, 'a login that is begun');
    $browser->get("$base/aten/cas?state=AAAAAAAAAAAAAAAAAAAAAA.0.vite&ticket=ST-1", from => "$evil/");
    in_ok($cookie, 'a return that nobody waits for');
    is(cookie_of($browser), $cookie, 'the browser still has it');

    # Somebody else's ticket, in the browser that began no login: another session than that of the address.
    my $other = browser();
    $other->get("$base/aten/login?profile=vite&to=/who", until => sub ($address) { $address =~ /ticket=/ });
    $browser->get($other->page->location, from => "$evil/");
    in_ok($cookie, 'a return of another browser');
};

$server->clean_log_ok(qr/AT0206|AT0207/);

# --- nothing comes back to life ---

# httpd's own clock: sessions are old enough to be issued anew, and answers come when they are told to.
my $morning = 1_484_035_200;    # 2017-01-10 09:00 in Paris
my $timed   = Aten::Server->prepare(cas => $cas, at => $morning, children => 2, threads => 6, config => $config,
    name => 'httpd with its own clock');
slow_program($timed);
$timed->run;

# Sessions that began at MORNING, at MORNING + 600: browsers.
sub aged ($count = 1) {
    $timed->set_time($morning);
    my @browsers = map { enter($timed, browser_options => { keep_alive => 0 }) } 1 .. $count;
    $timed->set_time($morning + 600);
    return @browsers;
}

sub session_in ($answer) { return $answer =~ /^Set-Cookie: (aten=[^;\s]+)/m ? $1 : undef }

my %names;    # of slow requests, each once
sub slow ($cookie) { return launch($timed, 'r' . ++$names{all}, $cookie) }

subtest 'an answer that comes after the end brings no cookie' => sub {
    my ($browser) = aged();
    my $cookie = cookie_of($browser);
    my $late   = finish(slow($cookie));
    ok(session_in($late), 'nothing happened meanwhile: the cookie is issued anew');
    is(who($timed, session_in($late)), 'fautes', '... and good');
    my @ends = (
        ['a logout',            sub ($browser, $cookie) {
            is(logout_at_once($timed, $cookie)->status, 303, 'logged out');
        }],
        ['a new login',         sub ($browser, $cookie) { enter_again($timed, $browser) }],
        ['CAS single logout',   sub ($browser, $cookie) {
            is(back_channel($timed, logout_request(ticket_of($browser)))->status, 200, 'the back channel');
        }],
    );
    for my $end (@ends) {
        my ($what, $do) = @$end;
        my ($person)   = aged();
        my $mine       = cookie_of($person);
        my $request    = slow($mine);
        $do->($person, $mine);
        my $answer = finish($request);
        like($answer, qr{^HTTP/1\.1 200 .*^slow$}ms, "$what: the answer that had begun comes");
        unlike($answer, qr/^Set-Cookie: (?:aten|__)/mi, '... without a cookie');
        is(who($timed, $mine), 'nobody', '... and the session is dead');
        is(who($timed, cookie_of($person)), 'fautes', '... the new one lives') if $what eq 'a new login';
    }
};

# Each answer's cookie has the same id as the first: an end of one is the end of all.
subtest 'cookies of one session' => sub {
    my ($browser, $other) = aged(2);
    my $first = cookie_of($browser);
    my $anew  = sub ($cookie) { session_in(finish(slow($cookie))) // die 'not issued anew' };
    my $second = $anew->($first);
    $timed->set_time($morning + 1200);
    my $third = $anew->($second);
    my @all   = ($first, $second, $third);
    is(scalar(keys %{ { map { $_ => 1 } @all } }), 3, 'three cookies of one session');
    is(join(' ', map { who($timed, $_) } @all), 'fautes fautes fautes', '... all good');
    is(logout_at_once($timed, $second)->status, 303, 'logged out by one of them');
    is(join(' ', map { who($timed, $_) } @all), 'nobody nobody nobody', '... all dead');
    is(who($timed, cookie_of($other)), 'fautes', '... somebody else is not');
};

subtest 'tabs at the same moment' => sub {
    my ($browser) = aged();
    my $first   = cookie_of($browser);
    my @asked   = map { slow($first) } 1 .. 4;
    my @cookies = map { session_in(finish($_)) } @asked;
    is(scalar(grep { defined } @cookies), 4, 'four answers bring a cookie each');
    is(scalar(keys %{ { map { $_ => 1 } @cookies } }), 4, '... each another one');
    is(who($timed, $_), 'fautes', '... and good, whichever the browser keeps') for @cookies, $first;
    $timed->set_time($morning + 3_700);
    is(who($timed, $first), 'nobody', 'an hour after the first was made it is idle');
    is(who($timed, $_), 'fautes', '... the others are not') for @cookies;
    my @late = map { slow($_) } @cookies[0, 1];
    is(logout_at_once($timed, $cookies[2])->status, 303, 'logged out in one tab while two others wait');
    unlike(finish($_), qr/^Set-Cookie: (?:aten|__)/mi, '... no answer brings a cookie') for @late;
    is(who($timed, $_), 'nobody', '... and all are dead') for @cookies;
};

# --- clocks ---

subtest 'a clock that jumps' => sub {
    my ($browser, $other, $gone) = aged(3);
    my ($cookie, $alive, $replaced) = map { cookie_of($_) } $browser, $other, $gone;
    is(logout_at_once($timed, $cookie)->status, 303, 'logged out');
    enter_again($timed, $gone);
    my @times = (
        [$morning + 600,         'fautes', 'at that moment'],
        [$morning,               'fautes', 'back when it was made'],
        [$morning - 50,          'fautes', 'before it was made, as far as clocks may differ'],
        [$morning + 3_590,       'fautes', 'almost an hour later'],
        [$morning + 3_610,       'nobody', 'idle'],
        [$morning + 28_800,      'nobody', 'past its end'],
        [$morning + 28_800 + 80_000, 'nobody', 'almost a day after it'],
    );
    my $check = sub ($time, $others, $why) {
        $timed->hold_time($time);
        is(who($timed, $cookie),   'nobody', "$why: logged out");
        is(who($timed, $replaced), 'nobody', '... replaced');
        is(who($timed, $alive),    $others,  "... somebody else: $others");
    };
    $check->(@$_) for @times;
    # Each write takes away some of what has expired.
    enter($timed) for 1 .. 20;
    $check->(@$_) for [$morning + 600, 'fautes', 'set back after a day, and after many writes'];
    $timed->set_time($morning + 600);
};

subtest 'a login in the past' => sub {
    $timed->hold_time($morning + 7_200);
    my $before = cookie_of(enter($timed));
    $timed->hold_time($morning);
    my $browser = enter($timed);
    my $cookie  = cookie_of($browser);
    is(who($timed, $cookie), 'fautes', 'the clock was set back: one gets in');
    is(logout_at_once($timed, $cookie)->status, 303, 'logged out');
    is(who($timed, $cookie), 'nobody', '... is out');
    $timed->hold_time($morning + 7_200);
    is(who($timed, $_->[0]), $_->[1], '... when it goes right again, too') for [$cookie, 'nobody'], [$before, 'fautes'];
    $timed->set_time($morning + 600);
};

$timed->clean_log_ok;
$timed->stop_ok;

# --- by hand ---

my $command = $ENV{ATEN_SESSION_COMMAND} // Aten::Process::top() . '/build/aten-session';

# aten-session with these words: (exit status, what it says).
sub aten_session (@words) {
    my $output = $server->root . '/logs/aten-session';
    unlink $output;
    my @command = ($command, '--state-dir', $server->root . '/state', @words);
    my $run     = Aten::Process->start(command => \@command, output => $output);
    $run->wait_end(20) or $run->stop;
    return ($run->{status} >> 8 || $run->{status}, Aten::Process::slurp($output));
}

sub command_ok (@words) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $text) = aten_session(@words);
    return is($status, 0, "aten-session @words") || diag $text;
}

subtest 'one person, by hand' => sub {
    my %browser = (
        mine  => enter($server), also => enter($server), real => login($server, 'prof', to => '/who'),
        other => login($server, 'eleve', to => '/who'),
    );
    my %cookie = map { $_ => cookie_of($browser{$_}) } keys %browser;
    my %kept   = map { $_ => connection() } keys %cookie;
    my $who    = sub { join ' ', map { who($server, $cookie{$_}, on => $kept{$_}) } sort keys %cookie };
    is($who->(), 'fautes fautes eleve prof', 'all are in');
    my $begun = browser();
    $begun->get("$base/aten/login?profile=vite&to=/who", until => sub ($address) { $address =~ /ticket=/ });
    command_ok(qw(end user fautes));
    is($who->(), 'nobody nobody eleve prof', 'their sessions are dead at once, and nobody else\'s');
    out_ok($cookie{$_}, '... on new connections too') for qw(mine also);
    in_ok($cookie{real}, '... and there', 'prof');
    is($browser{mine}->get("$base/who")->h1, 'Indiquez votre profil', 'they are asked to log in');
    is($begun->get($begun->page->location)->header('x-who'), 'fautes', 'a login that had begun gets in');
    my $again = enter($server, browser => $browser{mine});
    is($again->page->header('x-who'), 'fautes', 'a new login does at once');
    in_ok(cookie_of($again), '... and stays in');

    # The same name at two servers is one person or two: the administrator says "user".
    $faults->person('prof');
    my $twin = cookie_of(enter($server));
    $faults->person;
    in_ok($twin, 'the same name at another CAS server', 'prof');
    command_ok(qw(end user prof));
    out_ok($_, '... both are dead') for $twin, $cookie{real};
    in_ok($cookie{other}, '... nobody else', 'eleve');

    my $mark = store_transaction($server);
    my ($status) = aten_session(qw(end user));
    isnt($status, 0, 'without a name: an error');
    is(store_transaction($server), $mark, '... and nothing is written');
    in_ok($cookie{other}, '... nobody is out', 'eleve');
};

subtest 'everybody, by hand' => sub {
    my @browsers = (enter($server), login($server, 'eleve', to => '/who'), enter($server));
    my @cookies  = map { cookie_of($_) } @browsers;
    my @kept     = map { my $client = connection(); who($server, $_, on => $client); $client } @cookies;
    my $who      = sub { join ' ', map { who($server, $cookies[$_], on => $kept[$_]) } 0 .. $#cookies };
    is($who->(), 'fautes eleve fautes', 'all are in');
    command_ok(qw(end everybody));
    is($who->(), 'nobody nobody nobody', 'all are out at once');
    is(join(' ', map { who($server, $_) } @cookies), 'nobody nobody nobody', '... on new connections too');
    my $new = enter($server, browser => $browsers[0]);
    is($new->page->header('x-who'), 'fautes', 'who logs in now is in');
    $server->graceful;
    in_ok(cookie_of($new), '... after a graceful restart too');
    out_ok($cookies[0], '... and the others are out');
    $server->restart;
    in_ok(cookie_of($new), '... after a full restart too');
    out_ok($cookies[0], '... and the others are out');
    my ($status, $text) = aten_session('status');
    is($status, 0, 'status');
    like($text, qr/\d/, '... says how much there is');
};

# Other people's ends change the store all the time; a session on a connection that remembers it is not touched by them.
subtest 'a session among many that end' => sub {
    my $cookie = cookie_of(enter($server));
    my $kept   = connection();
    my %seen;
    for my $turn (1 .. 60) {
        $seen{ who($server, $cookie, on => $kept) }++;
        is(logout_at_once($server, cookie_of(enter($server)))->status, 303, 'somebody else logs out') if $turn % 2;
        $seen{ who($server, $cookie, on => $kept) }++;
    }
    is_deeply(\%seen, { fautes => 120 }, 'in each time');
    logout_at_once($server, $cookie);
    is(who($server, $cookie, on => $kept), 'nobody', 'until its own end');
};

$server->clean_log_ok(qr/AT0206|AT0207/);
done_testing;

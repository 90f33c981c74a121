# Answers that nobody waits for: late, twice, another browser's, forged. None is believed, none is an error for a
# person, and none becomes a loop.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Aten::URL ();
use Faults;

need_module;

my $faults = Faults->new(tls => 0);

sub config ($autres = 'cas ' . $faults->url('good')) {
    return <<~"END";
        AtenBaseURL \@BASE\@
        AtenCASServer @{[ $faults->url('good') ]}
        AtenCASTimeout 2
        <AtenProfile autres>
            AtenLabel fr "Autres publics"
            AtenBackend $autres
        </AtenProfile>
        <AtenProfile second>
            AtenLabel fr "Second"
            AtenBackend cas @{[ $faults->url('stale') ]}
        </AtenProfile>
        ScriptAlias /ent "\@CGI\@/env"
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        END
}

my $now    = 1_480_000_000;   # any moment will do
my $server = Aten::Server->new(config => config(), at => $now, name => 'httpd with its own clock');

sub start ($to = '/ent/x', $profile = 'autres') {
    return $server->url("/aten/login?profile=$profile&to=") . Aten::URL::escape($to);
}

# A login begun, and the address by which it would come back with a ticket of the CAS server.
sub begun ($browser, $to = '/ent/x', $profile = 'autres') {
    my $login = Faults::begin($browser, start($to, $profile));
    my $page  = browser()->get($login, until => sub ($address) { $address =~ /ticket=/ });
    return $page->location // die "no ticket from $login: " . $page->status;
}

sub ticket_of ($address) { return $address =~ /ticket=([^&]+)/ ? $1 : undef }
sub user_of ($browser) { return identity_of($browser)->{REMOTE_USER} }

# Who is connected, wherever that ended.
sub connected ($browser) { return $browser->fetch($server->url('/aten/session'))->json->{user} }

sub validated ($mark, $ticket) {
    my @pairs = map { @{ $_->{parameters} } } $faults->validations($mark);
    return scalar grep { $_->[0] eq 'ticket' && $_->[1] eq $ticket } @pairs;
}

sub logins ($mark) { return scalar grep { $_->{endpoint} eq 'login' } $faults->since($mark, 'request') }

subtest 'the login that all others here differ from' => sub {
    my $browser = browser();
    my $back    = begun($browser, '/ent/x?a=b');
    my $mark    = $faults->mark;
    $browser->get($back);
    is(user_of($browser), 'fautes', 'in');
    is($browser->url, $server->url('/ent/x?a=b'), 'where the person wanted to go');
    is(validated($mark, ticket_of($back)), 1, 'one call');
    is_deeply([grep { $_->{name} =~ /login/ } $browser->jar->all], [], 'nothing is pending any more');
};

subtest 'late, by seconds' => sub {
    for my $case ([599, 1], [601, 0], [86400, 0]) {
        my ($late, $good) = @$case;
        my $browser = browser();
        $server->set_time($now);
        my $back = begun($browser, '/ent/late');
        my $mark = $faults->mark;
        $server->set_time($now + $late);
        $browser->get($back);
        is(user_of($browser), 'fautes', "$late s: in");
        is($browser->url, $server->url('/ent/late'), 'where the person wanted to go');
        is(validated($mark, ticket_of($back)), $good, $good ? 'by this ticket' : 'not by this ticket');
        is(logins($mark), 1 - $good, $good ? 'at once' : 'by one fresh request');
    }
    $server->set_time($now);
};

subtest 'begun in the future: the clock was set back' => sub {
    my $browser = browser();
    $server->set_time($now + 7200);
    my $back = begun($browser);
    my $mark = $faults->mark;
    $server->set_time($now);
    $browser->get($back);
    is(validated($mark, ticket_of($back)), 0, 'not by this ticket');
    is(user_of($browser), 'fautes', 'in by a fresh request');
};

# Login CSRF: somebody sends their own ticket to another person.
subtest 'the address of another browser' => sub {
    $faults->person('attaquant');
    my $back = begun(browser());
    $faults->person('victime');
    for my $victim (browser(), do { my $b = browser(); begun($b); $b }) {
        my $mark = $faults->mark;
        $victim->get($back, from => 'http://elsewhere.test/');
        is(connected($victim), 'victime', 'never logged in as the other');
        is(validated($mark, ticket_of($back)), 0, 'the ticket of the other goes nowhere');
    }
    my $connected = browser();
    $connected->get(start());
    my $mark = $faults->mark;
    $connected->get($back, from => 'http://elsewhere.test/');
    $connected->get($server->url('/ent/x'));
    is(user_of($connected), 'victime', 'a live session goes on');
    is(scalar $faults->validations($mark), 0, 'and nothing is asked');
    $faults->person;
};

my $nonce = 'A' x 22;
my %forged = (
    'a nonce that nobody gave' => ["$nonce.0.autres", 'again'],
    'a profile that nobody has' => ["$nonce.0.nobody", 'chooser'],
    'no state at all'          => [undef, 'chooser'],
    'an empty state'           => ['', 'chooser'],
    'a nonce alone'            => [$nonce, 'chooser'],
    'a short nonce'            => ['A.0.autres', 'chooser'],
    'a long nonce'             => ['A' x 23 . '.0.autres', 'chooser'],
    'dot segments'             => ['../../..', 'chooser'],
    'a profile with dots'      => ["$nonce.0.../x", 'chooser'],
    'another retry mark'       => ["$nonce.2.autres", 'chooser'],
    'a line end'               => ["$nonce.0.autres\r\nX-Injected: 1", 'chooser'],
    'markup'                   => ['<script>alert(1)</script>', 'chooser'],
    'a NUL'                    => ["$nonce.0.autres\0", 'bad'],
    'bytes that are not UTF-8' => ["$nonce.0.autres\xff", 'bad'],
    '6000 letters'             => ['A' x 6000, 'chooser'],
    'a profile of 65 letters'  => ["$nonce.0." . 'p' x 65, 'chooser'],
    'the address of a host'    => ['http://evil.example/', 'chooser'],
);
for my $what (sort keys %forged) {
    subtest "state: $what" => sub {
        my ($state, $ends) = @{ $forged{$what} };
        my $browser = browser();
        my ($mark, $before) = ($faults->mark, $server->log->mark);
        my $query = defined $state ? '&state=' . ($state =~ s/([^A-Za-z0-9._-])/sprintf '%%%02X', ord $1/ger) : '';
        my $page  = $browser->get($server->url("/aten/cas?ticket=ST-forged$query"));
        is(validated($mark, 'ST-forged'), 0, 'the ticket goes nowhere');
        unlike($page->body, qr/<script>alert|evil\.example|X-Injected/, 'nothing of it on the page');
        unlike($server->log->since($before), qr/<script>alert|evil\.example|^X-Injected|ST-forged/m, 'nor in the log');
        if ($ends eq 'again') { is(connected($browser), 'fautes', 'in by one fresh request') }
        if ($ends eq 'chooser') {
            is($page->h1, 'Indiquez votre profil', 'the chooser') or diag $page->status, $page->text;
            is(scalar $page->redirects, 1, 'by one redirect');
            is($browser->jar->find('aten'), undef, 'no session');
        }
        if ($ends eq 'bad') { is($page->status, 400, 'refused') }
    };
}

subtest 'the same answer again' => sub {
    my $browser = browser();
    my $back    = begun($browser, '/ent/x');
    $browser->get($back);
    my $mark = $faults->mark;
    my $page = $browser->get($back);
    is($page->url, $server->url('/'), 'under a session: to the home page');
    is(scalar $faults->validations($mark), 0, 'nothing is asked');
    $browser->get($server->url('/ent/x'));
    is(user_of($browser), 'fautes', 'the session goes on');

    # The back button after the browser lost its session.
    $browser->jar->delete('aten');
    $browser->get($back);
    is(validated($mark, ticket_of($back)), 0, 'without a session: not by the old ticket');
    ok($browser->jar->find('aten'), 'but by a fresh one');
};

# Somebody who keeps a copy of the cookie that says what is pending.
subtest 'the same answer again, with the pending login put back' => sub {
    my $browser = browser();
    my $back    = begun($browser);
    my ($kept)  = grep { $_->{name} =~ /^aten-login-/ } $browser->jar->all;
    $browser->get($back);
    $browser->jar->delete('aten');
    $browser->jar->set(%$kept);
    my $mark = $faults->mark;
    $browser->get($back);
    is(validated($mark, ticket_of($back)), 0, 'a login is used once: the CAS server is not even asked');
    is(user_of($browser), 'fautes', 'in by a fresh ticket');
    is(logins($mark), 1, 'of one fresh request');
};

subtest 'a ticket of one login with the state of another' => sub {
    my $browser = browser();
    my ($one, $two) = map { begun($browser, "/ent/$_") } 1, 2;
    my $mixed = $one =~ s/ticket=.*/'ticket=' . ticket_of($two)/er;
    my $page  = $browser->get($mixed);
    ok(!reached($page), 'a ticket is good for its own service alone');
    is($page->status, 502, 'said on a page');
    $browser->get($two);
    ok(!reached($browser) || user_of($browser) eq 'fautes', 'the other goes on');
};

subtest 'a state changed on the way' => sub {
    for my $change (['.0.', '.1.'], ['.autres', '.second'], ['.autres', '.nobody']) {
        my $browser = browser();
        my $back    = begun($browser);
        my $page    = $browser->get($back =~ s/\Q$change->[0]\E/$change->[1]/r);
        ok(!reached($page) || user_of($browser) eq 'fautes', "$change->[1] gives nobody another name");
        cmp_ok(scalar $page->redirects, '<=', 4, 'and no loop');
    }
};

subtest 'a browser that keeps no cookie' => sub {
    my $browser = browser();
    my $mark    = $faults->mark;
    no warnings 'redefine';
    local *Aten::Jar::take = sub (@) { };
    my $page = $browser->get(start());
    is($page->status, 400, 'ends in a page');
    like($page->text, qr/cookies/, 'that speaks of cookies');
    is(logins($mark), 2, 'after two trips to the CAS server');
    is(scalar $faults->validations($mark), 0, 'that was asked nothing');
    ok(!$page->too_many_redirects, 'no loop');
    $server->log_like(qr/\bAT0107\b/, 'the log says why');
    like($page->text, qr/\b[0-9a-f]{10}\b/, 'with a reference');
};

subtest 'a browser that keeps cookies but never sends the pending one back' => sub {
    my $browser = browser();
    no warnings 'redefine';
    my $take = \&Aten::Jar::take;
    local *Aten::Jar::take = sub ($jar, $request, $text) { $take->($jar, $request, $text) if $text !~ /-login-/ };
    my $page = $browser->get(start());
    is($page->status, 400, 'ends in a page');
    ok(!$page->too_many_redirects, 'no loop');
};

subtest 'a CAS server that never gives a good ticket' => sub {
    my $bad = Aten::Server->new(name => 'bad tickets', config => <<~"END");
        AtenBaseURL \@BASE\@
        AtenCASServer @{[ $faults->url('failure-invalid-ticket') ]}
        ScriptAlias /ent "\@CGI\@/env"
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        END
    my $mark = $faults->mark;
    my $page = browser()->get($bad->url('/aten/login?profile=autres-publics&to=/ent/'));
    is($page->status, 403, 'ends in a page');
    is(scalar $faults->validations($mark), 2, 'after two tries');
    $bad->clean_log_ok(qr/new session keys in/);
};

subtest 'many tabs' => sub {
    my $browser = browser();
    my @back    = map { begun($browser, "/ent/$_") } 1 .. 16;
    my @pending = grep { $_->{name} =~ /^aten-login-/ } $browser->jar->all;
    cmp_ok(scalar @pending, '<=', 13, 'the cookies are bounded');
    my $length = 0;
    $length += length("$_->{name}=$_->{value}; ") for @pending;
    cmp_ok($length, '<', 8190, 'and fit into one header');
    my $mark = $faults->mark;
    for my $number (reverse 6 .. 16) {
        $browser->tab->get($back[$number - 1]);
        is(validated($mark, ticket_of($back[$number - 1])), 1, "tab $number ends by its own ticket");
    }
    my $page = $browser->tab->get($back[0]);
    ok($page->status < 400, 'the oldest is no error') or diag $page->text;
};

subtest 'long addresses' => sub {
    my $browser = browser();
    my $long    = '/ent/' . ('x' x 99 . '/') x 19 . '?' . 'y' x 100;
    my @back    = map { begun($browser, $_) } '/ent/short', $long, "${long}2";
    my $length  = 0;
    $length += length("$_->{name}=$_->{value}; ") for $browser->jar->all;
    cmp_ok($length, '<', 8190, 'fit into one header');
    $browser->get($back[2]);
    is($browser->url, $server->url("${long}2"), 'the last long one is kept');
    $browser->jar->delete('aten');
    $browser->get($back[0]);
    is($browser->url, $server->url('/ent/short'), 'and a short one beside it');
};

subtest 'only a GET comes back' => sub {
    my $browser = browser();
    my $back    = begun($browser);
    my $mark    = $faults->mark;
    for my $method (qw(HEAD PUT DELETE)) {
        my $page = $browser->fetch($back, method => $method, dest => 'document', mode => 'navigate', follow => 0);
        ok($page->status >= 400, "$method is refused");
    }
    my $page = $browser->post_form($back, { a => 1 }, from => $server->url('/'));
    ok($page->status >= 400, 'a form too');
    is(scalar $faults->validations($mark), 0, 'nothing was asked');
    $browser->get($back);
    is(user_of($browser), 'fautes', 'and nothing used up');
};

subtest 'back without a ticket: the person turned round at the CAS page' => sub {
    my $browser = browser();
    my $back    = begun($browser, '/ent/turned');
    my $page    = $browser->get($back =~ s/&ticket=.*//r);
    is($page->h1, 'Indiquez votre profil', 'the chooser');
    ok($page->link(qr{to=(?:%2F|/)ent(?:%2F|/)turned}i), 'still knows where the person wanted to go')
        or diag join "\n", map { $_->{href} } $page->links;
};

subtest 'the configuration changed in between' => sub {
    my %browsers = map { $_ => browser() } qw(closed moved);
    my %back     = map { $_ => begun($browsers{$_}) } qw(closed moved);

    $server->set_config(config('cas ' . $faults->url('stale')));
    $server->graceful;
    my $mark = $faults->mark;
    $browsers{moved}->get($back{moved});
    is(validated($mark, ticket_of($back{moved})), 0, 'the ticket goes to no other server than the one that gave it');
    is(user_of($browsers{moved}), 'fautes', 'one fresh request to the new server');

    $server->set_config(config('closed'));
    $server->graceful;
    my $page = $browsers{closed}->get($back{closed});
    ok(!reached($page), 'a profile that is closed by now lets nobody in');
    is($page->status, 403, 'said on a page') or diag $page->text;
    is(validated($mark, ticket_of($back{closed})), 0, 'nothing was asked');
    is($browsers{closed}->jar->find('aten'), undef, 'no session');
};

$server->clean_log_ok(qr/\[auth_aten:(?:info|error)\].*\bAT0(?:10[3-7]|15\d|20[67]|40\d)\b/, qr/new session keys in/);
done_testing;

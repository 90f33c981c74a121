# Single logout messages that no real portal would send, each of which names the person and the session: believed, it
# would end it. And well made ones, with all that they may say: which sessions end by them, and which don't.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Forge ();
use Aten::ForgeLogout ();
use Aten::Test;
use Encode ();
use MIME::Base64 ();

need_module;

my $forge  = Aten::Forge->new(logout => 1);
my $server = Aten::Server->new(config => $forge->config, name => 'logout');
my $logout = Aten::ForgeLogout->new($forge, $server);
browser()->get($server->url('/'));
my @children = $server->children;

my $status = 'urn:oasis:names:tc:SAML:2.0:status:';
my $made   = 0;
# A NameID and a SessionIndex that nobody had before. Nothing of them may come to a log.
sub somebody () { $made++; return (name_id => "_Znom$made", session_index => "_Zindice$made") }

# What a message says of that person.
sub of (%person) { return (name_id => $person{name_id}, session_indexes => [$person{session_index}]) }

sub session_of ($browser) { return $browser->fetch($server->url('/aten/session'), from => $server->url('/'))->json }

sub live_ok ($browser, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(session_of($browser)->{authenticated} && $browser->jar->find('aten'), $name);
}
sub dead_ok ($browser, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($browser->jar->find('aten') && !session_of($browser)->{authenticated}, $name);
}

# The portal's request, by a browser that has nothing of ours: the others keep their cookies, and show what they open.
sub portal_says (%option) { return $logout->send(browser(), $logout->good(%option), follow => 0) }

# A logout that begins here and waits for the portal's answer. Returns what the portal was told.
sub leaving ($browser, $to = '/index.html') {
    $browser->get($server->url("/aten/logout?to=$to"), from => $server->url('/ent/'),
        until => sub ($address) { defined $logout->portal_of($address) });
    my $page = $browser->page;
    return $logout->read($page) // die 'no way to the portal: ' . $page->status . "\n" . $page->text;
}

# What the error log got since; it grows too much to be read from its beginning each time.
sub log_since ($mark) {
    open my $in, '<:raw', $server->root . '/logs/error.log' or die "error.log: $!";
    seek $in, $mark, 0;
    local $/;
    return <$in> // '';
}

# --- every case ---

my ($victim, %victim);
sub victim () {
    return if $victim && session_of($victim)->{authenticated};
    %victim = somebody();
    $victim = $logout->login(%victim);
    return;
}

# A browser that waits for an answer; one that was refused leaves it waiting.
my ($waiting, $asked);
sub waiting () {
    return if $asked;
    $waiting = $logout->login(somebody());
    $asked   = leaving($waiting);
    return;
}

sub meet ($case) {
    victim();
    waiting();
    my ($request, $good) = ($case->{kind} eq 'request', $case->{expect}{good});
    my %to      = (in_response_to => $asked->{id}, relay_state => $asked->{relay_state});
    my $message = $logout->make($case, of(%victim), %to);
    my $browser = $request ? browser() : $waiting;
    my $mark    = $server->log->mark;
    my $page    = $logout->send($browser, $message);
    my $text    = log_since($mark);
    if (!$good)      { refused_ok($case, $page, $text) }
    elsif ($request) { ended_ok($message, $page) }
    else             { answered_ok($good, $page, $text) }
    is(scalar($server->children), scalar(@children), 'the same processes are alive');
    is($forge->contacted, 0, 'nothing was fetched');
    my $said  = join "\n", map { s/^(?:\[[^\]]*\] )+//r } grep { !/login by portal/ } split /\n/, $text;
    my @found = grep { index($said, $_) >= 0 } @{ $message->{secrets} };
    is_deeply(\@found, [], 'nothing of the message in the log') or diag($text);
    @found = grep { index($page->body, $_) >= 0 } @{ $message->{secrets} };
    is_deeply(\@found, [], 'nor on the page');
    return;
}

sub refused_ok ($case, $page, $text) {
    my @tags  = @{ $case->{expect}{refused} };
    my @lines = grep { /\(reference / } split /\n/, $text;
    is(scalar @lines, 1, 'one line in the log') or diag($text);
    my ($tag, $reference) = ($lines[0] // '') =~ /\] (AT\d{4}): .*\(reference ([0-9a-f]{10})\)/;
    ok(defined $tag && grep({ $tag eq $_ } @tags), "the log says @tags") or diag($text);
    like($page->status, qr/^(?:400|403|413|503)$/, 'a page that says so');
    like($page->text, qr/\b$reference\b/, '... with the reference of the log') if defined $reference;
    live_ok($victim, 'nobody\'s session has ended');
    return;
}

# A good request, answered.
sub ended_ok ($message, $page) {
    dead_ok($victim, 'the session has ended');
    my $said = $logout->read($page);
    ok($said && $said->{signed}, 'the answer is signed') or diag($page->status . ' ' . $page->text);
    is($said->{root}, 'LogoutResponse', '... a LogoutResponse');
    is($said->{in_response_to}, $message->{id}, '... to that request');
    is_deeply($said->{status}, ["${status}Success"], '... Success');
    is($said->{at}, 'logout_redirect_response', '... at the address for answers');
    is($said->{destination}, $said->{address} =~ s/\?.*//r, '... which it names');
    is($said->{relay_state}, $message->{relay_state}, '... with RelayState');
    return;
}

sub answered_ok ($outcome, $page, $text) {
    if ($outcome eq 'done') {
        is($page->url, $server->url('/index.html'), 'to where the person wanted');
    }
    else {
        is($page->status, 200, 'a page');
        like($page->text, qr/Le guichet n’a pas pu fermer toutes vos sessions/, '... which says what was not ended');
        like($text, qr/auth_aten:info\].*AT0334: .*:(?:Success|Responder)/, '... and the log the status');
    }
    live_ok($victim, 'nobody else\'s session has ended');
    undef $asked;
    return;
}

for my $case ($logout->cases) {
    next if $ENV{ATEN_FORGE_ONLY} && $case->{name} !~ /$ENV{ATEN_FORGE_ONLY}/;
    subtest "$case->{name}: $case->{why}" => sub { meet($case) };
}
if (!$ENV{ATEN_FORGE_ONLY}) {
    waiting();
    my $page = $logout->send($waiting, $logout->good(kind => 'response', in_response_to => $asked->{id}));
    is $page->url, $server->url('/index.html'), 'after all these the good answer is still taken';
    undef $asked;
}

# --- which sessions ---

subtest 'SessionIndex' => sub {
    my $name = (somebody())[1];
    my %in   = map { $_ => $logout->login(name_id => $name, session_index => "_Z$_") } qw(one two three);
    my $more = $logout->login(name_id => $name, session_index => '_Zone');
    my $other = $logout->login(name_id => "$name-autre", session_index => '_Zone');
    my $agent = $logout->login(name_id => $name, session_index => '_Zone', portal => 'agents');
    portal_says(name_id => $name, session_indexes => [qw(_Zone _Ztwo _Zunknown)]);
    dead_ok $in{$_}, "named: $_" for qw(one two);
    dead_ok $more, 'two sessions of one SessionIndex end both';
    live_ok $in{three}, 'another SessionIndex of the same person stays';
    live_ok $other, 'the same SessionIndex of another NameID too';
    live_ok $agent, 'and both of another portal';
};

subtest 'no SessionIndex: all of that NameID, so far' => sub {
    my $name  = (somebody())[1];
    my @in    = map { $logout->login(name_id => $name, session_index => "_Zrien$_") } 1 .. 3;
    my $other = $logout->login(name_id => "$name-autre");
    my $agent = $logout->login(name_id => $name, portal => 'agents');
    $logout->send($in[0], $logout->good(name_id => $name), follow => 0);
    ok !$in[0]->jar->find('aten'), 'the browser that brought it: the cookie is taken away';
    dead_ok $_, '... others: ended' for @in[1, 2];
    live_ok $other, 'another NameID stays';
    live_ok $agent, '... the same of another portal too';
    my $again = $logout->login(name_id => $name, session_index => '_Zrien9');
    live_ok $again, 'a login of the same NameID afterwards lives';
    portal_says(name_id => $name);
    dead_ok $again, '... until a new request';
};

# A request, and two browsers whose logins with its NameID came after it; one of them brings it again.
sub request_again () {
    my $name    = (somebody())[1];
    my $request = $logout->good(name_id => $name);
    $logout->send(browser(), $request, follow => 0);
    my @in   = map { $logout->login(name_id => $name, session_index => "_Zapres$_") } 1, 2;
    my $page = $logout->send($in[0], $request, follow => 0);
    return ($page, @in);
}

subtest 'the same request again ends nothing' => sub {
    my ($page, undef, $elsewhere) = request_again();
    is $logout->read($page)->{status}[0], "${status}Success", 'it is answered: Success';
    live_ok $elsewhere, '... and the login that came in between lives';
};

subtest 'the same request again takes no cookie away' => sub {
    my (undef, $brought) = request_again();
    live_ok $brought, 'not even in the browser that brings it';
};

subtest 'a hundred SessionIndexes' => sub {
    my $name = (somebody())[1];
    my %in   = map { $_ => $logout->login(name_id => $name, session_index => "_Z$_") } 1, 50, 100;
    portal_says(binding => 'post', name_id => $name, session_indexes => [map { "_Z$_" } 1 .. 100]);
    dead_ok $in{$_}, "number $_" for 1, 50, 100;
};

subtest 'one ID, two portals' => sub {
    my %person = somebody();
    my $browser = $logout->login(%person);
    my $id = '_Zmeme' . time;
    portal_says(of(%person), id => $id, portal => 'agents');
    live_ok $browser, 'the first, by another portal, ends nothing';
    my $said = $logout->read(portal_says(of(%person), id => $id));
    is $said->{in_response_to}, $id, 'the second, by the person\'s own, is answered';
    dead_ok $browser, '... and done';
};

subtest 'a portal ends nobody of another one' => sub {
    my %person  = somebody();
    my $browser = $logout->login(%person);
    my $said    = $logout->read(portal_says(of(%person), portal => 'agents'));
    is "$said->{portal} $said->{at}", 'agents logout_redirect', 'its request is answered, at its one address';
    live_ok $browser, '... and nothing has ended';
    $said = $logout->read($logout->send($browser, $logout->good(of(%person), portal => 'agents'), follow => 0));
    live_ok $browser, '... nor in the browser that brings it: its cookie stays';
};

# --- RelayState ---

# As whoever reads a form's fields takes it from an address, in characters.
sub relay_state_of ($address) {
    my ($value) = $address =~ /[?&]RelayState=([^&]*)/ or return undef;
    return Encode::decode('UTF-8', Aten::Forge::unescape($value));
}

subtest 'RelayState, byte for byte' => sub {
    my @odd = ('', 'a b+c%20&d=e', "\"'<>é;", 'http://evil.example/?x=1#y', 'x' x 2048, undef);
    for my $binding (qw(redirect post)) {
        for my $relay (@odd) {
            my @with = defined $relay ? (relay_state => $relay) : ();
            my $said = $logout->read(portal_says(of(somebody()), binding => $binding, @with));
            my $got  = relay_state_of($said->{address});
            # An empty one need not come back as one.
            is $got // '', $relay // '', "$binding: " . substr($relay // 'none', 0, 20) ;
            ok !defined $got, '... none is none' if !defined $relay;
        }
    }
};

# --- a portal of forms alone ---

subtest 'a portal of HTTP-POST alone' => sub {
    my %person  = somebody();
    my $browser = $logout->login(%person, portal => 'educonnect');
    my $relay   = '"><script>alert(1)</script>&amp;é';
    my $message = $logout->good(of(%person), binding => 'post', portal => 'educonnect', relay_state => $relay);
    my $page    = $logout->send($browser, $message);
    dead_ok $browser, 'a cross-site form: the session is ended, the cookie did not come along';
    is $page->status, 200, 'a page';
    my ($form) = $page->forms;
    my %field  = map { $_->[0] => $_->[1] } @{ $form->{fields} };
    is $form->{action}, $forge->{entities}{educonnect}{logout_post}, '... with a form to the portal';
    is $field{RelayState}, $relay, '... RelayState as it came';
    unlike $page->html, qr/<script/, '... which is no markup, nor is there a script';
    my $xml = MIME::Base64::decode($field{SAMLResponse});
    like $xml, qr/InResponseTo="\Q$message->{id}\E"/, '... an answer to the request';
    like $xml, qr/Destination="\Q$form->{action}\E"/, '... for that address';
    like $xml, qr/<(?:\w+:)?Signature\b.*rsa-sha256/s, '... signed';
    my $policy = $page->header('content-security-policy');
    unlike $policy, qr/form-action 'none'/, '... a policy that lets the form go';
    like $policy, qr/default-src 'none'/, '... and nothing else';
};

# --- answers to logouts that began here ---

subtest 'the other sessions of a login end when the portal says so' => sub {
    my %person = somebody();
    my @in     = map { $logout->login(%person) } 1, 2;
    my $other  = $logout->login(name_id => $person{name_id}, session_index => '_Zailleurs');
    my $said   = leaving($in[0]);
    is $said->{name_id}, $person{name_id}, 'the portal is told whom';
    is_deeply $said->{session_indexes}, [$person{session_index}], '... which session';
    ok $said->{signed}, '... signed';
    live_ok $in[1], 'the other session of that login lives until the portal has answered';
    my %to = (in_response_to => $said->{id}, relay_state => $said->{relay_state});
    $logout->send($in[0], $logout->good(kind => 'response', %to));
    is $in[0]->url, $server->url('/index.html'), 'it has: on to where the person wanted';
    dead_ok $in[1], 'then it ends';
    live_ok $other, '... one of another SessionIndex does not';
};

subtest 'an answer by POST' => sub {
    my %person = somebody();
    my @in     = map { $logout->login(%person) } 1, 2;
    my $said   = leaving($in[0]);
    my %answer = (kind => 'response', binding => 'post');
    my $page   = $logout->send($in[0], $logout->good(%answer, in_response_to => $said->{id}));
    is $page->url, $server->url('/index.html'), 'it comes without cookies, and ends well all the same';
    dead_ok $in[1], 'the other session of that login too';

    my $browser = $logout->login(somebody());
    $said = leaving($browser);
    my @status = ("${status}Responder", "${status}PartialLogout");
    $page = $logout->send($browser, $logout->good(%answer, in_response_to => $said->{id}, status => \@status));
    like $page->text, qr/Le guichet n’a pas pu fermer toutes vos sessions/, 'one that says: not everywhere';
};

subtest 'an answer that is not for this logout' => sub {
    my @in   = map { $logout->login(somebody()) } 1, 2;
    my @said = map { leaving($_) } @in;
    my @bad  = (
        ['AT0171', 'for the logout of another browser', in_response_to => $said[1]{id}],
        ['AT0171', 'for a logout that nobody began', in_response_to => 'l' . 'A' x 22],
        ['AT0327', 'for what is no logout of ours', in_response_to => '_x'],
        ['AT0142', 'by another portal', in_response_to => $said[0]{id}, portal => 'agents'],
    );
    for my $binding (qw(redirect post)) {
        for my $case (@bad) {
            my ($tag, $why, %option) = @$case;
            my $mark = $server->log->mark;
            my $page = $logout->send($in[0], $logout->good(kind => 'response', binding => $binding, %option));
            cmp_ok $page->status, '>=', 400, "$binding: $why: refused";
            $server->log_like(qr/\b$tag: /, "... the log says $tag", $mark);
            ok !$page->header_all('set-cookie'), '... what waits, waits on';
        }
    }
    for my $number (0, 1) {
        $logout->send($in[$number], $logout->good(kind => 'response', in_response_to => $said[$number]{id}));
        is $in[$number]->url, $server->url('/index.html'), 'the right one is taken still';
    }
};

# --- a login under way ---

subtest 'between the answer and its end' => sub {
    for my $indexes (1, 0) {
        my %person  = somebody();
        my $browser = browser();
        my $request = $forge->begin($server, $browser, profile => 'familles', to => '/ent/');
        my ($case)  = grep { $_->{name} eq 'good/signed-assertion' } $forge->cases;
        my $answer  = $forge->make($case, $server, $request, %person);
        my $done    = $forge->post($server, $browser, $answer, follow => 0)->location;
        portal_says(name_id => $person{name_id}, $indexes ? (session_indexes => [$person{session_index}]) : ());
        my $page = $browser->get($done, from => $forge->address);
        ok !$browser->jar->find('aten'), ($indexes ? 'by its SessionIndex' : 'by the NameID alone') . ': no session';
        is $page->h1, 'Votre session a été fermée pendant la connexion', '... a page that says so';
    }
};

# --- the store ---

subtest 'a store that cannot be written' => sub {
    my %person = somebody();
    my $broken = Aten::Server->new(config => $forge->config, name => 'broken store');
    my $store  = $broken->root . '/state/store/data.mdb';
    browser()->get($broken->url('/'));    # its child has opened the store
    $broken->stop_ok;
    Aten::Process::spew($store, 'x' x 65536);
    my $mark = $broken->log->mark;
    $broken->run;
    my $other = Aten::ForgeLogout->new($forge, $broken);
    my $said  = $logout->read($other->send(browser(), $other->good(of(%person)), follow => 0));
    is_deeply $said->{status}, ["${status}Responder", "${status}PartialLogout"],
        'the portal is told that not all has ended';
    ok $said->{signed}, '... signed';
    $broken->log_like(qr/auth_aten:error\].*AT0160: /, '... and the log says why', $mark);
    $broken->clean_log_ok($forge->start_lines, qr/auth_aten:\w+\]/);
};

$server->clean_log_ok($forge->start_lines, qr/\[auth_aten:\w+\].*\] AT\d{4}: .*\(reference [0-9a-f]{10}\)/,
    qr/AT0(?:136|334)/, qr/login by portal/);
done_testing;

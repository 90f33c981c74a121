# What a second reading of the ATEN path found: each of these let somebody in, asked for nothing where it had to, went
# round in a circle, or cost the server too much.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Forge ();
use Aten::Test;
use Aten::URL ();
use MIME::Base64 ();

need_module;

my $cas   = Aten::CAS->new;
my $forge = Aten::Forge->new;
my %id    = map { $_ => $forge->entity_id($_) } qw(familles educonnect);

# AtenBaseURL of the main server names @BASE@; each other host has a port, and ports don't separate cookies.
my $config = $forge->config . <<"END";
    AtenCASServer \@CAS\@
    <AtenProfile autres-publics>
        AtenLabel fr "Autres publics"
        AtenBackend cas
    </AtenProfile>
    Listen 127.0.0.1:\@PORT2\@
    <VirtualHost 127.0.0.1:\@PORT2\@>
        ServerName localhost
        AtenBaseURL http://localhost:\@PORT2\@
        AtenPortal $id{familles} uai=030* vectors
        AtenPortalUnsolicited restart
        <AtenProfile familles>
            AtenLabel fr "Le Gard"
            AtenBackend aten $id{familles}
        </AtenProfile>
    </VirtualHost>
    Listen 127.0.0.1:\@PORT3\@
    <VirtualHost 127.0.0.1:\@PORT3\@>
        ServerName localhost
        AtenBaseURL http://localhost:\@PORT3\@
        AtenSessionCookie strict
        AtenHome /fort/accueil
    </VirtualHost>
END
my $server = Aten::Server->new(cas => $cas, name => 'review of the ATEN path', at => time, config => $config);
browser()->get($server->url('/'));

my %case = map { $_->{name} => $_ } $forge->cases;
my $usual  = $case{'good/signed-assertion'};
my $asking = sub ($address) { $forge->is_portal($address) };

sub answer ($request, %option) {
    return $forge->make($option{case} // $usual, $option{site} // $server, $request, map { $_ => $option{$_} }
        grep { exists $option{$_} } qw(now in_response_to relay_state portal));
}

sub post ($browser, $answer, %option) { return $forge->post($option{site} // $server, $browser, $answer, %option) }

# A portal that drops what it must give back.
sub without_relay ($answer) {
    $answer->{body} =~ s/&?RelayState=[^&]*// or die 'no RelayState';
    return $answer;
}

sub nobody_ok ($browser, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(!$browser->fetch($server->url('/aten/session'))->json->{authenticated}, $name);
}

sub asks_anew ($request) {
    my ($field) = $request->{address} =~ /[?&]SAMLRequest=([^&]*)/;
    return Aten::Forge::inflate(MIME::Base64::decode(Aten::Forge::unescape($field))) =~ /ForceAuthn="true"/ ? 1 : 0;
}

# --- circles ---

# The portal's own session answers by itself, and this browser keeps no cookie of ours.
for my $portal (['that drops RelayState', \&without_relay], ['as it should be', sub ($answer) { $answer }]) {
    subtest "no cookies, and a portal $portal->[0]" => sub {
        my $browser = browser();
        my ($request, $rounds) = ($forge->begin($server, $browser), 0);
        while ($request && $rounds++ < 5) {
            $browser->jar->{cookies} = [];
            post($browser, $portal->[1]->(answer($request)), follow => 0);
            $browser->jar->{cookies} = [];
            $browser->get($browser->page->location, from => $forge->address, until => $asking);
            $request = $forge->request_of($browser->page);
        }
        is $rounds, 2, 'one fresh request';
        is $browser->page->status, 400, 'then a page';
        $server->log_like(qr/AT0107/, 'that says what is wrong');
    };
}

# --- asked to log in anew ---

subtest '« Ce n’est pas vous ? » holds for the fresh request too' => sub {
    my $login = $server->url('/aten/login?profile=familles&to=/ent/&switch=1');
    my $begin = sub ($browser) { $forge->request_of($browser->get($login, until => $asking)) };
    my $fresh = sub ($browser, $what) {
        my $request = $forge->request_of($browser->page) // return fail("no fresh request: $what");
        is asks_anew($request), 1, $what;
    };

    my $browser = browser();
    my $request = $begin->($browser);
    is asks_anew($request), 1, 'the first request asks for the password';
    post($browser, answer($request, case => $case{'message/conditions-ended'}));
    $fresh->($browser, 'an answer that came late');

    $browser = browser();
    my $answer = answer($begin->($browser));
    my $copy   = browser();
    $copy->jar->{cookies} = [map { {%$_} } @{ $browser->jar->{cookies} }];
    post($copy, $answer);
    post($browser, $answer);
    $fresh->($browser, 'an answer that was used');

    $browser = browser();
    $answer = answer($begin->($browser));
    $server->set_time($server->{at} + 3700);
    post($browser, $answer);
    $fresh->($browser, 'a login that was begun too long ago');
    $server->set_time(time);
};

subtest 'the same by CAS' => sub {
    my $browser = browser();
    my $to_cas  = sub ($address) { index($address, $cas->url) == 0 };
    my $page    = $browser->get($server->url('/aten/login?profile=autres-publics&to=/ent/&switch=1'), until => $to_cas);
    like $page->location, qr/[?&]renew=true/, 'the first request asks for the password';
    my ($service) = $page->location =~ /[?&]service=([^&]*)/;
    $page = $browser->get(Aten::Forge::unescape($service) . '&ticket=ST-unknown', from => $cas->url, until => $to_cas);
    like $page->location // '', qr/[?&]renew=true/, 'so does the one after a ticket that nobody knows';
    ($service) = $page->location =~ /[?&]service=([^&]*)/;
    $page = $browser->get(Aten::Forge::unescape($service), from => $cas->url);    # who turned back at the CAS page
    my ($again) = grep { /profile=autres-publics/ } map { $_->{href} } $page->links;
    $page = $browser->get($server->url($again), until => $to_cas);
    like $page->location // '', qr/[?&]renew=true/, 'so does a choice made anew';
};

package Strict { sub url ($self, $path) { return 'http://localhost:' . $server->var('PORT3') . $path } }

# The home of this host wants the password at each login, and an answer that nobody asked for was not made for that.
subtest 'believed unasked, and a home that asks for the password' => sub {
    my ($browser, $strict) = (browser(), bless {}, 'Strict');
    my %unasked = (case => $case{'identity/educonnect-unsolicited'}, portal => 'educonnect');
    post($browser, answer({}, %unasked, site => $strict), site => $strict);
    my $request = $forge->request_of($browser->page);
    ok $request && asks_anew($request), 'a fresh request, for the password'
        or diag $browser->page->url . ' ' . $browser->page->text;
};

# --- whose word counts where ---

subtest 'a session of another host, of a school that the portal may not speak for here' => sub {
    my $browser = browser();
    my $page    = post($browser, answer($forge->begin($server, $browser)));
    ok reached($page), 'logged in on one host';
    $page = $browser->get('http://localhost:' . $server->var('PORT2') . '/ent/', follow => 0);
    ok !reached($page), 'not on the other';
    is $page->status, 303, '... which begins a login of its own';
    ok !$browser->fetch('http://localhost:' . $server->var('PORT2') . '/aten/session')->json->{authenticated},
        'nobody there';
};

subtest 'CAS does not give the names of the portal’s people' => sub {
    for my $name ('eleve:701294@0340039X', 'parent:DUPONT:Marie:701294@0340039X') {
        $cas->set_account($name, { ENTPersonProfils => ['National_3'] });
        my $browser = login($server, $name);
        is $browser->page->status, 502, $name;
        nobody_ok($browser, 'nobody is logged in');
    }
    $server->log_like(qr/AT0208/, 'the log says why');
};

# --- what was used stays used ---

subtest 'a clock that is set back' => sub {
    my $now    = time;
    my %unasked = (case => $case{'identity/educonnect-unsolicited'}, portal => 'educonnect');
    my $answer = answer({}, %unasked, now => $now);
    $server->set_time($now);
    my $browser = browser();
    ok reached(post($browser, $answer)), 'an answer is used';
    # Its end has come; another login takes away what may be forgotten.
    $server->set_time($now + 1200);
    my $other = browser();
    post($other, answer($forge->begin($server, $other), now => $now + 1200));
    ok reached($other->page), 'somebody else logs in later';
    $server->set_time($now + 60);
    my $thief = browser();
    my $mark  = $server->log->mark;
    post($thief, $answer);
    nobody_ok($thief, 'the first one is still known');
    like $server->log->since($mark), qr/AT0333/, 'as used';
    $server->set_time(time);
};

# --- what an answer costs, and what it tells ---

# libxml2 looks a prefix up among all that are in scope: 10,000 of them and 16,000 elements, a message of 256 KiB, take
# two thirds of a second.
# All cookies travel in one header, and httpd takes 8190 bytes.
subtest 'a full session, a CAS login for a long address, and a portal’s answer beside them' => sub {
    my ($browser, $full) = (browser(), $case{'good/full-session'});
    my $request = $forge->begin($server, $browser->tab);
    ok reached(post($browser, answer($forge->begin($server, $browser), case => $full))), 'logged in';
    my $session = $browser->jar->find('aten');
    cmp_ok length $session->{value}, '>', 2800, 'by a session that fills its cookie';
    my $long    = '/ent/' . 'a' x 1900;
    $browser->tab->get($server->url("/aten/login?profile=autres-publics&to=$long"), follow => 0);
    my $page = post($browser, answer($request, case => $full));
    isnt $page->status, 400, 'httpd takes the header' or diag $page->text;
    my $longest = 0;
    $longest += length($_->{name}) + 3 + length $_->{value} for $browser->jar->all;
    cmp_ok $longest, '<', 8190, "what is left would fit: $longest bytes";
};

subtest 'thousands of namespaces in scope' => sub {
    my ($open, $n) = ('', 0);
    for (1 .. 28) { $open .= '<a' . join('', map { sprintf ' xmlns:a%x="u"', $n++ } 1 .. 330) . '>' }
    my $text = $open . '<a0:b/>' x 15_000 . '</a>' x 28;
    my $mark = $server->log->mark;
    my %form = (SAMLResponse => MIME::Base64::encode($text, ''));
    my $page = browser()->post_form($server->url('/aten/saml/acs'), \%form);
    is $page->status, 403, 'refused';
    like $server->log->wait_like(qr/AT01\d\d/, $mark), qr/AT0113/, 'as too large';
};

# Who forges messages gets one page for all of them; a script gets no more.
subtest 'a script learns no more than a person' => sub {
    my %said;
    for my $name (qw(encryption/inside-text encryption/gcm-tag encryption/inside-unsigned signature/changed-destination
        message/xml-cut message/audience-other-response)) {
        my $browser = browser();
        my $answer  = answer($forge->begin($server, $browser), case => $case{$name});
        my $page = $browser->fetch($server->url('/aten/saml/acs'), method => 'POST', body => $answer->{body},
            headers => { 'Content-Type' => $answer->{type} });
        my $json = $page->json;
        $said{ join ' ', $page->status, map { $json->{$_} // '' } qw(error message) } = $name;
    }
    is keys %said, 1, 'one answer for all of them' or diag join "\n", map { "$said{$_}: $_" } sort keys %said;
};

is $forge->contacted, 0, 'nothing was fetched';

# The nightly reload comes, and root may not give files away, or the disk is read-only: what is there already will do.
SKIP: {
    skip 'only root gives files away', 1 if $>;
    $server->stop;
    local $server->{wrapper} = [qw(setpriv --bounding-set=-chown --inh-caps=-chown --)];
    $server->run;
    is browser()->get($server->url('/aten/login'))->status, 200, 'a start that need not change whose the store is';
}
$server->clean_log_ok($forge->start_lines, qr/\[auth_aten:\w+\].*\] AT\d{4}: .*\(reference [0-9a-f]{10}\)/,
    qr/login by portal/, qr/AH01246: Couldn't change owner of unix domain socket|AH01238: cgid daemon/);
done_testing;

# The decision table again (DESIGN section 2, « What the cut-off decides »), with both backends: whatever the date does to
# CAS, who came by the portal is in; and who is refused by CAS gets there by the buttons of the page. Profiles whose way
# changes at a date are judged when a login begins, and again when it ends.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Portals ();
use Aten::Test;

need_module;

my $noon = '2017-03-15 12:00:00';
my $eve  = '2017-03-15 23:59:59';

# path => [lines of the Location, why the row is there]
my @places = (
    ['open',          [],                                                               'no cut-off'],
    ['past',          ['AtenCASCutoff 2017-03-01 pupils parents'],                      'populations, after the date'],
    ['past-all',      ['AtenCASCutoff 2017-03-01 everyone'],                            'everyone, after the date'],
    ['soon',          ['AtenCASCutoff 2017-03-20 pupils parents'],                      'populations, in the notice time'],
    ['soon-all',      ['AtenCASCutoff 2017-03-16 everyone'],                            'everyone, on the eve'],
    ['later',         ['AtenCASCutoff 2017-06-01 everyone'],                            'before the notice time'],
    ['all-named',     ['AtenCASCutoff 2017-03-01 pupils parents staff'],                'every population by name'],
    ['report',        ['AtenCASCutoff 2017-03-01 everyone report-only'],                'a rehearsal'],
    ['announced',     ['AtenCASCutoff announced "Le CAS fermera." parents'],            'no date yet'],
    ['past/reopened', ['AtenCASCutoff off'],                                            'off inside'],
);

# What each sees of each place: in, as `roles` or `roles/days left`; or out, by the tag of why. By CAS:
my @cas_people = qw(eleve parent prof prof-parent sans-profil);
my %by_cas = (
    #                     eleve     parent      prof          prof-parent          sans-profil
    'open'          => [qw(eleve    parent      personnel     personnel;parent     -)],
    'past'          => [qw(AT0400   AT0400      personnel     personnel            AT0401)],
    'past-all'      => [qw(AT0400   AT0400      AT0400        AT0400               AT0400)],
    'soon'          => [qw(eleve/5  parent/5    personnel     personnel;parent     -/5)],
    'soon-all'      => [qw(eleve/1  parent/1    personnel/1   personnel;parent/1   -/1)],
    'later'         => [qw(eleve    parent      personnel     personnel;parent     -)],
    'all-named'     => [qw(AT0400   AT0400      AT0400        AT0400               AT0401)],
    'report'        => [qw(eleve    parent      personnel     personnel;parent     -)],
    'announced'     => [qw(eleve    parent      personnel     personnel;parent     -)],
    'past/reopened' => [qw(eleve    parent      personnel     personnel;parent     -)],
);
# By the portal: in, always, and nobody counts days.
my %by_portal = (eleve => 'eleve', parent => 'parent', agent => 'personnel');

# One that the path takes closes the other way too; the order is the path's.
my @buttons = (
    ['past',        'eleves-parents agents', 'every profile that leads to a portal'],
    ['past-all',    'eleves-parents agents', '... for everyone too'],
    ['two-ways',    'agents eleves-parents', 'in the order of AtenProfiles'],
    ['families',    'eleves-parents',        'those of this path alone'],
    ['cas-alone',   '',                      'none, where the path has none'],
    ['later-aten',  '',                      'none, where the profile does not lead to the portal yet'],
    ['was-aten',    'eleves-parents',        'none for a profile that is closed by now'],
);

# Profiles whose way changes on the 16th.
my @changing = (
    ['ferme',    'aten',      'closed'],
    ['demenage', 'aten',      'aten @EDUCONNECT@'],
    ['retourne', 'aten',      'cas'],
    ['migre',    'cas',       'aten'],
    ['ouvre',    'closed',    'aten'],
);

sub location ($path, @lines) {
    return join "\n    ", qq(<Location "/$path">), 'AuthType aten', 'Require valid-user', @lines, "\n</Location>\n";
}

sub changing_profiles () {
    return join '', map {
        "<AtenProfile $_->[0]>\nAtenLabel fr \"Profil $_->[0]\"\nAtenBackend $_->[1]\nAtenBackendFrom 2017-03-16 $_->[2]\n</AtenProfile>\n"
    } @changing;
}

my $profiles = <<~'END';
    <AtenProfile eleves-parents>
        AtenLabel fr "élèves ou parents > établissement Education Nationale"
        AtenBackend aten
    </AtenProfile>
    <AtenProfile agents>
        AtenLabel fr "Autres publics > personnels"
        AtenBackend aten @AGENTS@
    </AtenProfile>
    <AtenProfile autres-publics>
        AtenLabel fr "Autres publics > identifiant de l'ENT"
        AtenBackend cas
    </AtenProfile>
    END

my $past   = 'AtenCASCutoff 2017-03-01 pupils parents';
my $config = join '', <<~'END', $profiles, changing_profiles(),
    AtenCASServer @CAS@
    AtenPortalMetadata @ROOT@/conf/portals.xml
    AtenPortal @FAMILIES@ vectors
    AtenPortal @AGENTS@ staff
    AtenBaseURL @BASE@
    AtenSessionLifetime 604800
    AtenSessionIdle 604800
    ScriptAliasMatch ^/(?!aten) @CGI@/env
    <Location "/">
        AtenProfiles eleves-parents agents autres-publics
    </Location>
    END
    map({ location($_->[0], @{ $_->[1] }) } @places),
    location('two-ways',   $past, 'AtenProfiles autres-publics agents eleves-parents'),
    location('families',   $past, 'AtenProfiles eleves-parents autres-publics'),
    location('cas-alone',  $past, 'AtenProfiles autres-publics'),
    location('later-aten', $past, 'AtenProfiles autres-publics ouvre'),
    location('was-aten',   $past, 'AtenProfiles autres-publics eleves-parents ete'),
    location('cas-only',   'AtenProfiles autres-publics'),
    location('portal-only', 'AtenProfiles eleves-parents'),
    location('optional',   'AtenCASCutoff 2017-03-01 everyone', 'AtenOptional on'),
    location('tomorrow',   'AtenCASCutoff 2017-03-16 pupils parents'),
    location('tomorrow-all', 'AtenCASCutoff 2017-03-16 everyone'),
    location('change',     'AtenProfiles ' . join ' ', map { $_->[0] } @changing),
    map({ location("change/$_->[0]", "AtenProfiles $_->[0]") } @changing),
    <<~'END';
    <AtenProfile ete>
        AtenLabel fr "Profil fermé depuis l'hiver"
        AtenBackend aten
        AtenBackendFrom 2017-01-01 closed
    </AtenProfile>
    # Here no profile leads to a portal any more on the 16th, and then to another one.
    Listen 127.0.0.1:@PORT2@
    <VirtualHost 127.0.0.1:@PORT2@>
        ServerName localhost
        AtenBaseURL http://localhost:@PORT2@
        AtenSessionCookie calendrier
        <AtenProfile tous>
            AtenLabel fr "Tout le monde"
            AtenBackend     cas
            AtenBackendFrom 2017-03-16 aten @FAMILIES@
            AtenBackendFrom 2017-03-17 aten @EDUCONNECT@
            AtenBackendFrom 2017-03-18 closed
        </AtenProfile>
        <Location "/">
            AtenProfiles tous
        </Location>
        ScriptAlias /ent @CGI@/env
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
    </VirtualHost>
    END

my $cas     = Aten::CAS->new;
my $portals = Aten::Portals->new;
my $server  = Aten::Server->prepare(
    cas => $cas, at => $noon,
    vars => { FAMILIES => $portals->id, AGENTS => $portals->id('agents'), EDUCONNECT => $portals->id('educonnect') },
);
$portals->metadata_file($server->root . '/conf/portals.xml', [qw(familles agents educonnect)]);
utf8::encode($config);   # a file has bytes
$server->set_config($config);
$server->run->hold_time($noon);

# What a page shows of its person, in the table's words.
sub seen ($page) {
    if (!reached($page)) {
        return 'the portal'  if $portals->request_of($page);
        return 'CAS'         if $page->url =~ m{^\Q@{[ $cas->url ]}\E/login};
        return 'the chooser' if ($page->h1 // '') eq 'Indiquez votre profil';
        return 'status ' . $page->status if $page->status != 403;
        my $reference = reference_of($page) // return 'no reference';
        return $server->log->text =~ /\b(AT\d{4}): [^\n]*\(reference \Q$reference\E\)/ ? $1 : "$reference is not in the log";
    }
    my $who  = identity_of($page);
    my $text = $who->{ATEN_ROLES} // '-';
    return defined $who->{ATEN_CAS_DAYS_LEFT} ? "$text/$who->{ATEN_CAS_DAYS_LEFT}" : $text;
}

sub reference_of ($page) {
    return $page->json->{reference} if ($page->header('content-type') // '') =~ /json/;
    return $page->text =~ /Référence à donner si vous demandez de l’aide\s*: ([0-9a-f]{10})/ ? $1 : undef;
}

sub session ($browser, $name = 'aten') { return $browser->jar->find($name) }

my (%of_cas, %of_portal);   # browsers of each person, with a session from /open

# --- the table ---

for my $number (0 .. $#cas_people) {
    my $who = $cas_people[$number];
    subtest "$who by CAS" => sub {
        my $browser = $of_cas{$who} = login($server, $who, to => '/open');
        is(identity_of($browser)->{ATEN_BACKEND}, 'cas', 'logged in');
        for my $place (@places) {
            my ($path, undef, $why) = @$place;
            is(seen($browser->get($server->url("/$path"))), $by_cas{$path}[$number], "/$path: $why");
        }
        for my $path (qw(open past soon-all all-named)) {
            my $other    = login($server, $who, to => "/$path");
            my $expected = $by_cas{$path}[$number];
            is(seen($other->page), $expected, "a login that ends at /$path");
            is(session($other) ? 'session' : 'none', $expected =~ /^AT/ ? 'none' : 'session', '... session');
        }
        is(seen($browser->get($server->url('/open'))), $by_cas{open}[$number], 'and the session goes on');
    };
}

for my $who (sort keys %by_portal) {
    subtest "$who by the portal" => sub {
        my $role    = $by_portal{$who};
        my $browser = $of_portal{$who} = $portals->login($server, $who, to => '/open');
        my $open    = identity_of($browser);
        is($open->{REMOTE_USER}, $portals->user($who), 'logged in');
        is($open->{ATEN_BACKEND}, 'aten', '... by aten');
        for my $place (@places) {
            my ($path, undef, $why) = @$place;
            is(seen($browser->get($server->url("/$path"))), $role, "/$path: $why");
            is_deeply(identity_of($browser), $open, '... with all that is known');
        }
        for my $path (qw(open past past-all soon-all announced)) {
            my $other = $portals->login($server, $who, to => "/$path");
            is(seen($other->page), $role, "a login that ends at /$path");
            ok(session($other), '... session');
        }
        is(identity_of($browser->get($server->url('/optional')))->{ATEN_ROLES}, $role, 'AtenOptional shows them');
        is_deeply([grep { /report-only: user/ } grep { index($_, $portals->user($who)) >= 0 } $server->log->lines], [],
            'a rehearsal has nothing to say of them');
    };
}

subtest 'a script' => sub {
    my $page = $of_cas{parent}->fetch($server->url('/past'));
    is($page->status, 403, 'by CAS: 403');
    is($page->json->{error}, 'AT0400', '... and why');
    $page = $of_portal{parent}->fetch($server->url('/past'));
    is($page->status, 200, 'by the portal: in');
};

# --- the chooser ---

sub chooser ($path, %option) {
    my $browser = $option{browser} // browser(%option);
    return $browser->get($server->url("/aten/login?to=/$path"));
}

# Of the page, the text of each entry: what stands between its label and the next one's.
sub entries ($page) {
    my $text = $page->text =~ s/\x{a0}/ /gr;
    my ($families, $others) = $text =~ /établissement Education Nationale(.*?)personnels(.*?)$/ or return ();
    my ($agents, $cas) = $others =~ /^(.*?)identifiant de l'ENT(.*)$/ or return ();
    return ($families, $agents, $cas =~ s/\s*(?:Besoin d’aide.*)?$//r);
}

subtest 'the chooser' => sub {
    my %says = (
        'open'       => [1, '', undef],
        'past'       => [1, 'Depuis le 1er mars 2017, ce choix n’est plus ouvert pour : les élèves, les parents. '
                          . 'Les autres personnes peuvent continuer à l’utiliser.', undef],
        'past-all'   => [0, 'Fermé depuis le 1er mars 2017. Utilisez un autre choix.', undef],
        'soon'       => [1, '', 'À partir du 20 mars 2017, l’identifiant de l’ENT ne permettra plus de se connecter ici '
                          . 'pour : les élèves, les parents.'],
        'soon-all'   => [1, '', 'À partir du 16 mars 2017, l’identifiant de l’ENT ne permettra plus de se connecter ici.'],
        'later'      => [1, '', undef],
        'report'     => [1, '', undef],
        'announced'  => [1, '', 'Le CAS fermera.'],
        'past/reopened' => [1, '', undef],
    );
    for my $path (sort keys %says) {
        my ($offered, $line, $notice) = @{ $says{$path} };
        my $page    = chooser($path);
        my @entries = entries($page);
        is(scalar @entries, 3, "/$path: three entries") or diag $page->text;
        for my $number (0, 1) {
            my $profile = qw(eleves-parents agents)[$number];
            ok($page->link(qr/profile=$profile/), "$profile is offered");
            is($entries[$number] =~ s/^\s+|\s*(?:Autres publics)?\s*$//gr, '', '... and nothing is said of it');
        }
        is($page->link(qr/profile=autres-publics/) ? 1 : 0, $offered, $offered ? 'CAS is offered' : 'CAS is shown as closed');
        is($entries[2] =~ s/^\s+//r, $line, '... with its line');
        my $text = $page->text =~ s/\x{a0}/ /gr;
        if (defined $notice) { like($text, qr/À savoir \Q$notice\E/, 'the notice') }
        else { unlike($text, qr/À savoir|À partir du/, 'no notice') }
    }
    like(chooser('past-all', lang => 'en')->text, qr/Closed since 1 March 2017\. Use another choice\./, 'in English');
    my $page = browser()->get($server->url('/aten/login?to=/past-all&profile=autres-publics'));
    is($page->h1, 'Ce profil est fermé', 'a deep link to the closed entry says so');
    is(seen($page), 'AT0402', '... and the log');
    $page = browser()->get($server->url('/aten/login?to=/past-all&profile=eleves-parents'), until => $portals->stop);
    ok($portals->request_of($page, 'familles'), '... one to the portal leads there');
};

subtest 'the way to the chooser' => sub {
    my %ends = (
        '/open'        => 'the chooser',   # three to choose from
        '/past-all'    => 'the chooser',   # one of them closed: that has to be read
        '/portal-only' => 'the portal',    # one, nothing to explain
        '/cas-only'    => 'CAS',
        '/cas-alone'   => 'the chooser',   # one, whose line has to be read
        '/change/ferme'    => 'the portal',
        '/change/migre'    => 'CAS',
        '/change/ouvre'    => 'the chooser',   # nothing can begin
    );
    for my $path (sort keys %ends) {
        is(seen(browser()->get($server->url($path), until => $portals->stop)), $ends{$path}, $path);
    }
};

subtest 'the chooser for who is connected' => sub {
    my $parent_line = 'Vous êtes aussi parent d’élève ? Depuis le 1er mars 2017, les parents se connectent par le guichet ATEN, '
        . 'avec leur identifiant national. Pour votre travail, rien ne change.';
    my $text = sub ($browser, $path) { chooser($path, browser => $browser)->text =~ s/\x{a0}/ /gr };
    like($text->($of_cas{'prof-parent'}, 'past'), qr/\Q$parent_line\E/, 'a teacher who is a parent, by CAS: where to go as a parent');
    ok($of_cas{'prof-parent'}->page->link('Continuer avec ce compte'), '... and can go on as a teacher');
    unlike($text->($of_cas{'prof-parent'}, 'open'), qr/aussi parent/, '... not where nothing is closed');
    unlike($text->($of_portal{parent}, $_), qr/aussi parent/, "a parent by the portal, /$_: nothing") for qw(past past-all);
    ok($of_portal{parent}->page->link('Continuer avec ce compte'), '... and goes on');
    like($of_portal{parent}->page->text, qr/Une personne est déjà connectée : Françoise L'Hérault-Müller/, '... named');
    $text->($of_cas{parent}, 'past');
    ok(!$of_cas{parent}->page->link('Continuer avec ce compte'), 'a parent by CAS does not');
};

# --- the refusal, and the way from it ---

sub portal_buttons ($page) {
    return grep { $_->{href} =~ /[?&]profile=/ } $page->links;
}

subtest 'a button for each profile of the path that leads to a portal' => sub {
    for my $case (@buttons) {
        my ($path, $expected, $why) = @$case;
        my $page = $of_cas{parent}->get($server->url("/$path"));
        is(seen($page), 'AT0400', "/$path");
        my @ids = map { $_->{href} =~ /[?&]profile=([\w-]+)/ } portal_buttons($page);
        is("@ids", $expected, "... $why");
        is(scalar(grep { $_->{href} !~ /[?&]switch=1(?:&|$)/ } portal_buttons($page)), 0, '... each for another person');
        my $words = $expected ? qr/Connectez-vous au guichet ATEN avec votre identifiant national \(prenom\.nom\)\s*: utilisez le bouton/
            : qr/Cette page ne propose pas d’autre façon de se connecter\./;
        like($page->text, $words, '... and the page says what to do');
        ok($page->link('Ce n’est pas vous ? Changez de compte') || $page->link(qr/switch=1/), '... or changes the account');
    }
    my $page = $of_cas{'sans-profil'}->get($server->url('/past'));
    is(seen($page), 'AT0401', 'who belongs to no population');
    is(join(' ', map { $_->{href} =~ /[?&]profile=([\w-]+)/ } portal_buttons($page)), 'eleves-parents agents', '... has them too');
    is((portal_buttons($page))[0]{text}, "Se connecter : élèves ou parents > établissement Education Nationale",
        '... named as on the chooser');
};

for my $profile ('eleves-parents', 'agents') {
    subtest "the way from the refusal: $profile" => sub {
        my $browser = login($server, 'parent', to => '/open');
        my $old     = session($browser)->{value};
        is(seen($browser->get($server->url('/past?a=b&c=%2F'))), 'AT0400', 'refused');
        my ($button) = grep { $_->{href} =~ /profile=$profile/ } portal_buttons($browser->page);
        my $page     = $browser->click(qr/profile=$profile/, until => $portals->stop);
        my $request  = $portals->request_of($page, $profile eq 'agents' ? 'agents' : 'familles');
        ok($request, 'the button leads to its portal');
        like($request->{text}, qr/ForceAuthn="(?:true|1)"/, '... which asks for the password, whoever was there before');
        ok(!session($browser), '... and the session by CAS is gone');
        my $who = $profile eq 'agents' ? 'agent' : 'parent';
        $page = $portals->pass($server, $browser, $who);
        is($browser->url, $server->url('/past?a=b&c=%2F'), 'back at the page');
        is(identity_of($page)->{REMOTE_USER}, $portals->user($who), '... as who one is by the portal');
        isnt(session($browser)->{value}, $old, '... by a session of its own');
        is(identity_of($page)->{ATEN_PROFILE}, $profile, '... by that profile');
    };
}

subtest 'a teacher who is also a parent' => sub {
    my $browser = login($server, 'prof-parent', to => '/past');
    my $staff   = identity_of($browser);
    is($staff->{ATEN_ROLES}, 'personnel', 'by CAS: keeps it, as staff');
    is($staff->{ATEN_ROLE}, 'personnel', '... and nothing else');
    $browser->get($server->url('/aten/login?to=/past'));
    like($browser->page->text, qr/Vous êtes aussi parent d’élève.*par le guichet ATEN/, 'the chooser says where the parent goes');
    $browser->click('établissement Education Nationale', until => $portals->stop);
    $portals->pass($server, $browser, 'parent');
    my $parent = identity_of($browser);
    is($parent->{ATEN_ROLES}, 'parent', 'by the portal: a parent');
    is($parent->{ATEN_ELEVE_ID}, '701294;701295;600777', '... of these children');
    is($parent->{ATEN_BACKEND}, 'aten', '... in the place of the other session');
    $browser->get($server->url('/aten/login?to=/past&switch=1'));
    $browser->click("identifiant de l'ENT");
    $browser->submit({ username => 'prof-parent', password => $cas->password('prof-parent') }) if !reached($browser);
    is(identity_of($browser)->{ATEN_ROLES}, 'personnel', '... and by CAS staff again');
};

# --- report-only ---

subtest 'report-only' => sub {
    my %would = (eleve => 'AT0400', parent => 'AT0400', prof => 'AT0400', 'sans-profil' => 'AT0400');
    for my $who (sort keys %would) {
        my $mark = $server->log->mark;
        is($of_cas{$who}->get($server->url('/report'))->status, 200, "$who by CAS is in");
        like($server->log->since($mark), qr/report-only: user $who would be refused: $would{$who}: /, '... and the log says what would be');
    }
    my $mark = $server->log->mark;
    is($of_portal{$_}->get($server->url('/report'))->status, 200, "$_ by the portal is in") for sort keys %of_portal;
    unlike($server->log->since($mark), qr/report-only/, '... and nothing would be');
};

# --- AtenProfiles ---

subtest 'AtenProfiles' => sub {
    my $cas_session    = login($server, 'prof', to => '/cas-only');
    my $portal_session = $portals->login($server, 'parent', to => '/portal-only');
    my $agent_session  = $portals->login($server, 'agent', to => '/open');
    is(seen($cas_session->page), 'personnel', 'CAS where CAS is meant');
    is(seen($portal_session->page), 'parent', 'the portal where the portal is');
    my @crossed = (
        [$cas_session,    '/portal-only', "Autres publics > identifiant de l'ENT", 'the portal', 'CAS where the portal is meant'],
        [$portal_session, '/cas-only', 'élèves ou parents > établissement Education Nationale', 'CAS', 'the portal where CAS is'],
        [$agent_session,  '/portal-only', 'Autres publics > personnels', 'the portal', 'a portal where another one is'],
    );
    for my $case (@crossed) {
        my ($browser, $path, $label, $leads, $why) = @$case;
        my $page = $browser->get($server->url($path));
        is(seen($page), 'AT0403', $why);
        is($page->h1, 'Ce profil n’ouvre pas cette page', '... on a page of its own');
        like($page->text, qr/Le profil «\s*\Q$label\E\s*» n’est pas prévu pour cette page/, '... that names the profile');
        my $script = $browser->fetch($server->url($path));
        is($script->status . ' ' . $script->json->{error}, '403 AT0403', '... a script too');
        ok($page->link('Choisir un profil'), '... with a button');
        is(seen($browser->get($server->url('/open'))) =~ /^(?:personnel|parent)$/ ? 1 : 0, 1, '... the session goes on elsewhere');
        $browser->get($server->url($path));
        $browser->click('Choisir un profil', until => $portals->stop);
        is($browser->page->h1, 'Indiquez votre profil', '... that leads to the chooser');
        my ($entry) = grep { $_->{href} =~ /profile=/ } $browser->page->links;
        is(seen($browser->click(qr/profile=/, until => $portals->stop)), $leads, '... and on');
    }
    $portals->pass($server, $cas_session, 'parent');
    is(seen($cas_session->page), 'parent', 'and so one gets in');
    my $page = browser()->get($server->url('/aten/login?to=/cas-only&profile=eleves-parents'), until => $portals->stop);
    is(seen($page), 'the chooser', 'a deep link to a profile that is not of the path: the chooser');
    like($page->text, qr/nomme un profil qui n’existe pas ici/, '... says so');
};

# --- begun before, finished after ---

subtest 'begun before the date, finished after' => sub {
    $server->hold_time($eve);
    my %begun;
    for my $path (qw(tomorrow tomorrow-all open)) {
        for my $who (qw(parent prof)) {
            my $browser = $begun{"$who by CAS, /$path"} = login_page($server, to => "/$path");
            $browser->submit({ username => $who, password => $cas->password($who) }, until => sub ($to) { $to =~ /ticket=/ });
        }
        $begun{"parent by the portal, /$path"} = $portals->begin($server, to => "/$path");
        my $done = $begun{"parent between the portal and the end, /$path"} = $portals->begin($server, to => "/$path");
        $portals->pass($server, $done, 'parent', follow => 0);
    }
    my %end = (
        'parent by CAS, /tomorrow' => 'AT0400', 'parent by CAS, /tomorrow-all' => 'AT0400', 'parent by CAS, /open' => 'parent',
        'prof by CAS, /tomorrow' => 'personnel', 'prof by CAS, /tomorrow-all' => 'AT0400', 'prof by CAS, /open' => 'personnel',
        map { ("parent by the portal, /$_" => 'parent', "parent between the portal and the end, /$_" => 'parent') }
            qw(tomorrow tomorrow-all open),
    );
    $server->hold_time('2017-03-16 00:00:00');
    for my $case (sort keys %end) {
        my $browser = $begun{$case};
        if ($case =~ /by the portal/) { $portals->pass($server, $browser, 'parent') }
        else                          { $browser->get($browser->page->location, from => $portals->forge->address) }
        is(seen($browser->page), $end{$case}, $case);
        is(session($browser) ? 'session' : 'none', $end{$case} =~ /^AT/ ? 'none' : 'session', '... session');
    }
    is(seen($of_portal{parent}->get($server->url('/tomorrow'))), 'parent', 'a session by the portal goes over the date');
    is(seen($of_cas{parent}->get($server->url('/tomorrow'))), 'AT0400', '... one by CAS does not');
    $server->hold_time($noon);
};

# --- a profile whose way changes ---

# What a login by this profile is now, and how many are offered.
sub way_of ($profile) {
    return seen(browser()->get($server->url("/aten/login?to=/change/$profile&profile=$profile"), until => $portals->stop));
}

subtest 'before and after a change of way' => sub {
    my %before = (ferme => 'the portal', demenage => 'the portal', retourne => 'the portal', migre => 'CAS', ouvre => 'AT0402');
    my %after  = (ferme => 'AT0402', demenage => 'the portal', retourne => 'CAS', migre => 'the portal', ouvre => 'the portal');
    my $chosen = sub { join ' ', map { $_->{href} =~ /profile=(\w+)/ } chooser('change')->links };
    is(way_of($_), $before{$_}, "before: $_") for sort keys %before;
    is($chosen->(), 'ferme demenage retourne migre', 'the chooser offers those');
    my %session = map { $_ => $portals->login($server, 'parent', to => "/change/$_", profile => $_) } qw(ferme demenage retourne);
    is(seen($session{$_}->page), 'parent', "a session by $_") for sort keys %session;
    $server->hold_time($eve);
    is(way_of($_), $before{$_}, "a second before: $_") for sort keys %before;
    $server->hold_time('2017-03-16 00:00:00');
    is(way_of($_), $after{$_}, "after: $_") for sort keys %after;
    is($chosen->(), 'demenage retourne migre ouvre', 'the chooser offers those');
    is(seen($session{$_}->get($server->url("/change/$_"))), 'parent', "the session by $_ goes on") for sort keys %session;
    my $page = browser()->get($server->url('/aten/login?to=/change/demenage&profile=demenage'), until => $portals->stop);
    ok($portals->request_of($page, 'educonnect'), 'another portal');
    $server->hold_time($noon);
};

# When the date falls: before the portal's answer comes, or between the answer and the end of the login. The way of this
# login is judged at its end: nobody is in, one begins anew by the way that holds now, and lands where one wanted to go.
for my $moment ('before the answer', 'behind the answer') {
    my $end = sub ($site, $profile, $to) {
        my $browser = $portals->begin($site, to => $to, profile => $profile);
        my $request = $portals->request_of($browser);
        return sub {
            $portals->pass($site, $browser, 'parent');
            return $browser;
        } if $moment eq 'before the answer';
        $portals->pass($site, $browser, 'parent', follow => 0);
        return sub {
            $browser->get($browser->page->location, from => $portals->forge->address, until => $portals->stop);
            return $browser;
        };
    };

    subtest "the way changes $moment" => sub {
        $server->hold_time($eve);
        my %ends = map { $_ => $end->($server, $_, "/change/$_?x=y") } qw(ferme demenage retourne);
        my $same = $end->($server, 'eleves-parents', '/open');
        $server->hold_time('2017-03-16 00:00:00');
        my %browser = map { $_ => $ends{$_}->() } sort keys %ends;
        ok(!session($browser{$_}), "$_: nobody is in") for sort keys %browser;
        my $page = $browser{ferme}->page;
        is($page->h1, 'Ce profil est fermé', 'closed: says so');
        is(seen($page), 'AT0402', '... and the log');
        like($page->link('Choisir un profil')->{href}, qr{to=%2fchange%2fferme%3fx%3dy}i, '... and knows where one wanted to go');
        ok($portals->request_of($browser{demenage}, 'educonnect'), 'another portal: begins anew there');
        is(seen($browser{retourne}->page), 'CAS', 'CAS: begins anew there');
        $browser{retourne}->submit({ username => 'prof', password => 'demo' });
        is($browser{retourne}->url, $server->url('/change/retourne?x=y'), '... and ends at the page');
        is(identity_of($browser{retourne})->{ATEN_BACKEND}, 'cas', '... by CAS');
        is(seen($same->()->page), 'parent', 'another profile is not concerned');
        $portals->pass($server, $browser{demenage}, 'parent', portal => 'educonnect');
        is($browser{demenage}->url, $server->url('/change/demenage?x=y'), 'the other portal ends at the page too');
        is(seen($browser{demenage}->page), 'parent', '... in');
        $server->hold_time($noon);
    };

    subtest "the calendar of the only profile, the date falls $moment" => sub {
        my $calendar = bless {}, 'Calendar';
        my $base     = $calendar->url('');
        $server->hold_time($eve);
        my $by_cas = login_page($calendar, to => '/ent/?1', profile => 'Tout le monde');
        is(seen($by_cas->page), 'CAS', 'before the 16th: CAS');
        $by_cas->submit({ username => 'parent', password => 'demo' }, until => sub ($to) { $to =~ /ticket=/ });
        $server->hold_time('2017-03-16 00:00:00');
        $by_cas->get($by_cas->page->location, until => $portals->stop);
        ok($portals->request_of($by_cas, 'familles'), 'on the 16th the login goes on at the portal');
        $portals->pass($calendar, $by_cas, 'parent');
        is($by_cas->url, "$base/ent/?1", '... and ends at the page');
        is(seen($by_cas->page), 'parent', '... in');

        $server->hold_time('2017-03-16 23:59:59');
        my $finish = $end->($calendar, 'tous', '/ent/?2');
        $server->hold_time('2017-03-17 00:00:00');
        my $browser = $finish->();
        ok(!session($browser, 'calendrier'), 'on the 17th that portal is no more: nobody is in');
        ok($portals->request_of($browser, 'educonnect'), '... the login goes on at the next one')
            or diag $browser->url . ' ' . $browser->page->text;
        $portals->pass($calendar, $browser, 'parent', portal => 'educonnect') if $portals->request_of($browser);
        is($browser->url, "$base/ent/?2", '... and ends at the page');

        is(seen($by_cas->get("$base/ent/?1")), 'parent', 'the session of the portal that was goes on');

        $server->hold_time('2017-03-17 23:59:59');
        $finish = $end->($calendar, 'tous', '/ent/?3');
        $server->hold_time('2017-03-18 00:00:00');
        $browser = $finish->();
        ok(!session($browser, 'calendrier'), 'on the 18th all is closed: nobody is in');
        is($browser->page->h1, 'Ce profil est fermé', '... and the page says so') or diag $browser->url;
        $server->hold_time($noon);
    };
}

package Calendar {
    sub url ($self, $path, %option) { return 'http://localhost:' . $server->var('PORT2') . $path }
    sub server ($self) { return $server }
    sub cas ($self) { return $cas }
}

# --- the log ---

$server->log_like(qr/\[auth_aten:notice\].*AtenBackendFrom \(profile $_->[0]\): from 2017-03-16T00:00:00\+01:00 (?:closed|aten|cas)/,
    "the start log: $_->[0]") for @changing;
$server->clean_log_ok(qr/AtenBackendFrom \(profile \S+\): from /, qr/report-only, nobody is refused by this line/,
    qr/AT0401: the CAS server's answer puts user sans-profil/);
done_testing;

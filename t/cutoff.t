# The dated cut-off: who is let in by CAS where and when (DESIGN section 2, « What the cut-off decides »), by real logins
# of the demo's people, and what those are told who are not. httpd lives on 15 March 2017; the dates stand around it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;

need_module;

# path => [lines of the Location, why the row is there]
my @places = (
    ['open',         [],                                                              'no cut-off'],
    ['past',         ['AtenCASCutoff 2017-03-01 pupils parents'],                      'the guide\'s case, after the date'],
    ['past-all',     ['AtenCASCutoff 2017-03-01 everyone'],                            'everyone, after the date'],
    ['soon',         ['AtenCASCutoff 2017-03-20 pupils parents'],                      'the guide\'s case, in the notice time'],
    ['soon-all',     ['AtenCASCutoff 2017-03-16 everyone'],                            'everyone, on the eve'],
    ['later',        ['AtenCASCutoff 2017-06-01 pupils parents'],                      'before the notice time'],
    ['staff',        ['AtenCASCutoff 2017-03-01 staff'],                               'another population'],
    ['two-dates',    ['AtenCASCutoff 2017-03-01 pupils', 'AtenCASCutoff 2017-03-20 parents'], 'lines add up'],
    ['staff-next',   ['AtenCASCutoff 2017-03-01 parents', 'AtenCASCutoff 2017-03-20 staff'], 'one role after the other'],
    ['all-named',    ['AtenCASCutoff 2017-03-01 pupils parents staff'],                'every population by name'],
    ['then-all',     ['AtenCASCutoff 2017-03-01 pupils', 'AtenCASCutoff 2017-03-20 everyone'], 'populations, then everyone'],
    ['report',       ['AtenCASCutoff 2017-03-01 pupils parents report-only'],          'a rehearsal'],
    ['announced',    ['AtenCASCutoff announced "Le CAS fermera pour les familles." parents'], 'no date yet'],
    ['past/reopened', ['AtenCASCutoff off'],                                           'off inside'],
);

# What each sees of each place: in, as `roles` or `roles/days left`; or out, by the tag of why.
# A belongs-to-none (sans-profil) is out from the first date that closes a population.
my %table = (
    #                     eleve     parent      prof          prof-parent          sans-profil
    'open'          => [qw(eleve    parent      personnel     personnel;parent     -)],
    'past'          => [qw(AT0400   AT0400      personnel     personnel            AT0401)],
    'past-all'      => [qw(AT0400   AT0400      AT0400        AT0400               AT0400)],
    'soon'          => [qw(eleve/5  parent/5    personnel     personnel;parent     -/5)],
    'soon-all'      => [qw(eleve/1  parent/1    personnel/1   personnel;parent/1   -/1)],
    'later'         => [qw(eleve    parent      personnel     personnel;parent     -)],
    'staff'         => [qw(eleve    parent      AT0400        parent               AT0401)],
    'two-dates'     => [qw(AT0400   parent/5    personnel     personnel;parent     AT0401)],
    'staff-next'    => [qw(eleve    AT0400      personnel/5   personnel/5          AT0401)],
    'all-named'     => [qw(AT0400   AT0400      AT0400        AT0400               AT0401)],
    'then-all'      => [qw(AT0400   parent/5    personnel/5   personnel;parent/5   AT0401)],
    'report'        => [qw(eleve    parent      personnel     personnel;parent     -)],
    'announced'     => [qw(eleve    parent      personnel     personnel;parent     -)],
    'past/reopened' => [qw(eleve    parent      personnel     personnel;parent     -)],
);
my @people = qw(eleve parent prof prof-parent sans-profil);

# AtenCASNotice: from when people are warned.
my @notices = (
    ['notice/default',  '2017-04-14', undef,          30,    'the default is 30 days'],
    ['notice/day31',    '2017-04-15', undef,          undef, '... and no more'],
    ['notice/days',     '2017-03-25', '10',           10,    'in time'],
    ['notice/early',    '2017-03-26', '10',           undef, 'a day early'],
    ['notice/zero',     '2017-03-15T18:00', '0',      0,     'on the day itself'],
    ['notice/eve',      '2017-03-16', '0',            undef, 'not on the eve'],
    ['notice/date',     '2017-06-01', '2017-03-15',   78,    'since a date'],
    ['notice/not-yet',  '2017-03-20', '2017-03-16',   undef, 'not before it'],
    ['notice/hour',     '2017-06-01', '2017-03-15T11:59', 78, 'since an hour of today'],
    ['notice/always',   '2017-12-01', 'always',       261,   'always'],
    ['notice/off',      '2017-03-16', 'off',          undef, 'never'],
);

sub location ($path, @lines) {
    return join "\n    ", qq(<Location "/$path">), 'AuthType aten', 'Require valid-user', @lines, "\n</Location>\n";
}

my $config = join '', <<~'END', map({ location($_->[0], @{ $_->[1] }) } @places),
    AtenCASServer @CAS@
    AtenBaseURL @BASE@
    AtenHelpLink contact mailto:ecole@example.test
    AtenHelpLink first-login /aide/premiere
    ScriptAliasMatch ^/(?!aten) @CGI@/env
    <Location "/optional">
        AuthType aten
        Require valid-user
        AtenOptional on
        AtenCASCutoff 2017-03-01 pupils parents
    </Location>
    <Location "/one">
        AuthType aten
        Require valid-user
        AtenProfiles autres-publics
    </Location>
    <Location "/one/soon">
        AtenCASCutoff 2017-03-20 pupils
    </Location>
    <Location "/one/later">
        AtenCASCutoff 2017-06-01 pupils
    </Location>
    <Location "/one/past">
        AtenCASCutoff 2017-03-01 pupils
    </Location>
    <Location "/one/announced">
        AtenCASCutoff announced "Bientôt." pupils
    </Location>
    <Location "/parents-late">
        AuthType aten
        Require valid-user
        AtenCASCutoff 2017-01-09 pupils
        AtenCASCutoff 2017-03-01T08:30 parents
    </Location>
    END
    map({ location($_->[0], "AtenCASCutoff $_->[1] pupils parents", defined $_->[2] ? "AtenCASNotice $_->[2]" : ()) } @notices),
    map({ location("announced/$_->[0]", "AtenCASNotice $_->[1]") } ['off', 'off'], ['days', '3'], ['past', '2017-03-15'],
        ['not-yet', '2017-03-16'], ['always', 'always']);

utf8::encode($config);   # a file has bytes

my $cas    = Aten::CAS->new;
my $server = Aten::Server->new(cas => $cas, config => $config, at => '2017-03-15 12:00:00');

# What a page shows of its person, in the table's words.
sub seen ($page) {
    if (!reached($page)) {
        my $mark = $page->status == 403 ? $server->log->text : '';
        return "status " . $page->status if $page->status != 403;
        my $reference = reference_of($page) // return 'no reference';
        return $mark =~ /\b(AT\d{4}): [^\n]*\(reference \Q$reference\E\)/ ? $1 : "$reference is not in the log";
    }
    my $who  = identity_of($page);
    my $text = $who->{ATEN_ROLES} // '-';
    return defined $who->{ATEN_CAS_DAYS_LEFT} ? "$text/$who->{ATEN_CAS_DAYS_LEFT}" : $text;
}

sub reference_of ($page) {
    return $page->json->{reference} if ($page->header('content-type') // '') =~ /json/;
    return $page->text =~ /Référence à donner si vous demandez de l’aide\s*: ([0-9a-f]{10})/ ? $1 : undef;
}

# The button's way to a place, with a CAS session that the browser already has.
sub enter ($browser, $path) {
    return $browser->get($server->url("/aten/login?profile=autres-publics&to=/$path"));
}

my %browsers;   # of each person, with a session from /open

for my $number (0 .. $#people) {
    my $who = $people[$number];
    subtest "$who, with a session" => sub {
        my $browser = $browsers{$who} = login($server, $who, to => '/open');
        is(identity_of($browser)->{REMOTE_USER}, $who, 'logged in');
        for my $place (@places) {
            my ($path, undef, $why) = @$place;
            my $mark = $server->log->mark;
            my $page = $browser->get($server->url("/$path"));
            is(seen($page), $table{$path}[$number], "/$path: $why") or diag $server->log->since($mark);
        }
        is(seen($browser->get($server->url('/open'))), $table{open}[$number], 'other paths are untouched');
        is($browser->fetch($server->url('/aten/session'))->json->{user}, $who, 'and the session goes on');
    };

    subtest "$who, by a login that ends there" => sub {
        my $browser = login($server, $who, to => '/open');
        for my $place (grep { $_->[0] ne 'past-all' } @places) {
            my ($path, undef, $why) = @$place;
            my $expected = $table{$path}[$number];
            $browser->jar->delete('aten');
            my $page = enter($browser, $path);
            is(seen($page), $expected, "/$path: $why");
            my $has = defined $browser->jar->find('aten') ? 'a session' : 'no session';
            is($has, $expected =~ /^AT/ ? 'no session' : 'a session', '... ' . ($expected =~ /^AT/ ? 'without' : 'with'))
                or diag $page->text;
            is_deeply([grep { $_->{name} =~ /login/ } $browser->jar->all], [], '... and nothing is pending');
        }
    };
}

subtest 'the variables of a teacher who is a parent' => sub {
    my $of = sub ($path) { identity_of($browsers{'prof-parent'}->get($server->url("/$path"))) };
    my ($open, $past, $staff) = map { $of->($_) } qw(open past staff);
    is($open->{ATEN_ROLE}, 'personnel', 'the first role');
    is($past->{ATEN_ROLE}, 'personnel', 'staff where parents are closed');
    is($past->{ATEN_ROLES}, 'personnel', '... and nothing of the parent');
    is($staff->{ATEN_ROLE}, 'parent', 'a parent where staff is closed');
    is($staff->{ATEN_ROLES}, 'parent', '... and nothing else');
    delete @{$_}{qw(ATEN_ROLE ATEN_ROLES)} for $open, $past;
    is_deeply($past, $open, 'all else is the same');
};

subtest 'everyone: no login begins' => sub {
    for my $browser ($browsers{prof}, browser()) {
        my $mark = () = $cas->log =~ m{GET /cas/login}g;
        my $page = enter($browser, 'past-all');
        is($page->status, 403, 'refused');
        is(scalar $page->redirects, 0, 'at once');
        is($page->h1, 'Ce profil est fermé', 'on its own page');
        like($page->text, qr/Fermé depuis le 1er mars 2017/, 'since when');
        like($page->text, qr/On ne peut plus se connecter par « Autres publics »/, 'what');
        ok($page->link('Choisir un profil'), 'and back to the chooser');
        is(seen($page), 'AT0402', 'in the log');
        is(scalar(() = $cas->log =~ m{GET /cas/login}g), $mark, 'CAS was not asked');
    }
};

subtest 'the refusal page' => sub {
    my $browser = $browsers{parent};
    my $mark    = $server->log->mark;
    my $page    = $browser->get($server->url('/past'));
    is($page->status, 403, 'status');
    is($page->h1, 'Cet identifiant n’ouvre plus cette page', 'title');
    like($page->text, qr/Depuis le 1er mars 2017, l’identifiant de l’ENT \(CAS\) n’ouvre plus cette page pour : les parents\./,
        'since when, and for whom: this person\'s population alone');
    like($page->text, qr/Vous n’avez pas fait d’erreur\. L’identifiant de l’ENT est remplacé par un identifiant national\./, 'why');
    like($page->text, qr/Cette page ne propose pas d’autre façon de se connecter\. Demandez à votre établissement/,
        'no other way while no profile leads to the portal');
    unlike($page->text, qr/utilisez le bouton ci-dessous/, '... and no button is spoken of');
    ok(!$page->link(qr/profile=/), '... nor there');
    ok($page->link(qr/^mailto:ecole\@example\.test$/), 'help: contact');
    ok($page->link(qr{/aide/premiere}), 'help: first login');
    my $reference = reference_of($page);
    like($server->log->since($mark), qr/\[auth_aten:info\] .*AT0400: [^\n]*user parent \(reference $reference\)/,
        'the reference stands in the log, with the tag and who it was');
    isnt(reference_of($browser->get($server->url('/past'))), $reference, 'each refusal has its own');
    is($page->header('cache-control'), 'no-store', 'never kept');
    is($page->header('set-cookie'), undef, 'no cookie');
    is($page->header('www-authenticate'), undef, 'no password box');
    is($browser->head($server->url('/past'))->status, 403, 'HEAD too');
    my $form = $browser->post_form($server->url('/past'), { a => 1 }, from => $server->url('/open'));
    is($form->status, 403, 'a form too');
    is(seen($form), 'AT0400', '... on the page');

    my $teacher = $browsers{'prof-parent'}->get($server->url('/all-named'));
    like($teacher->text, qr/pour : les parents, les personnels\.|pour : les personnels, les parents\./, 'all of one\'s populations');
    my $everyone = $browsers{prof}->get($server->url('/past-all'));
    like($everyone->text, qr/Depuis le 1er mars 2017, l’identifiant de l’ENT \(CAS\) n’ouvre plus cette page/, 'everyone');
    my $late = $browser->get($server->url('/parents-late'));
    like($late->text, qr/Depuis le 1er mars 2017 à 8 h 30, .*pour : les parents\./, 'the date of this person, with its hour');

    my $english = browser(lang => 'en-GB,en;q=0.8', jar => $browser->jar)->get($server->url('/past'));
    is($english->h1, 'This identifier no longer opens this page', 'in English');
    like($english->text, qr/Since 1 March 2017, .*for: parents\..*no other way to log in.*Reference to give/, '... all of it');
};

subtest 'the page for somebody without a population' => sub {
    my $mark = $server->log->mark;
    my $page = $browsers{'sans-profil'}->get($server->url('/past'));
    is($page->status, 403, 'status');
    is($page->h1, 'Votre profil n’a pas été transmis', 'title');
    like($page->text, qr/Votre mot de passe est juste, mais .* n’a pas dit si vous êtes élève, parent ou membre du personnel/, 'why');
    like($page->text, qr/Autres personnes : signalez ce message à votre établissement/, 'what to do');
    ok($page->link('Réessayer'), 'once more');
    like($page->link('Réessayer')->{href}, qr/switch=1/, '... as somebody else');
    my $reference = reference_of($page);
    like($server->log->since($mark), qr/AT0401: [^\n]*user sans-profil \(reference $reference\)/, 'logged');
    my $english = browser(lang => 'en', jar => $browsers{'sans-profil'}->jar)->get($server->url('/past'));
    is($english->h1, 'Your profile was not passed on', 'in English');
};

subtest 'a script' => sub {
    for my $case (['parent', 'past', 'AT0400'], ['sans-profil', 'past', 'AT0401'], ['prof', 'past-all', 'AT0400']) {
        my ($who, $path, $tag) = @$case;
        my $browser = $browsers{$who};
        $browser->get($server->url('/open'));
        my $page = $browser->fetch($server->url("/$path"));
        is($page->status, 403, "$who, /$path: 403");
        like($page->header('content-type'), qr{^application/json}, 'JSON');
        my $answer = $page->json;
        is($answer->{error}, $tag, 'the tag');
        is($answer->{login}, $server->url("/aten/login?to=%2f$path"), 'the login address');
        is(seen($page), $tag, 'and a reference that stands in the log');
        is($page->header('www-authenticate'), undef, 'no challenge: it has a session');
    }
    is($browsers{'prof'}->fetch($server->url('/past'))->status, 200, 'who is in, is in');
};

subtest 'AtenOptional: who is refused is nobody' => sub {
    my $page = $browsers{parent}->get($server->url('/optional'));
    ok(reached($page), 'a parent reaches the application');
    is_deeply(identity_of($page), {}, '... as nobody');
    unlike(env_of($page)->{HTTP_COOKIE} // '', qr/aten/, '... without the cookie');
    is_deeply(identity_of($browsers{'sans-profil'}->get($server->url('/optional'))), {}, 'so does somebody without a population');
    is_deeply(identity_of(browser()->get($server->url('/optional'))), {}, 'and somebody without a session');
    is(identity_of($browsers{prof}->get($server->url('/optional')))->{REMOTE_USER}, 'prof', 'a teacher is shown');
    is(identity_of($browsers{'prof-parent'}->get($server->url('/optional')))->{ATEN_ROLES}, 'personnel', 'with the open roles');
    my $browser = login($server, 'parent', to => '/optional');
    is(seen($browser->page), 'AT0400', 'a login for this path ends refused');
    is($browser->jar->find('aten'), undef, '... without a session');
};

# --- the chooser ---

sub chooser ($path, %option) {
    my $browser = $option{browser} // browser(%option);
    return $browser->get($server->url("/aten/login?to=/$path"));
}

subtest 'the chooser, without a session' => sub {
    my $open = qr/profile=autres-publics/;
    my %says = (
        'open'       => [1, undef, undef],
        'past'       => [1, 'Depuis le 1er mars 2017, ce choix n’est plus ouvert pour : les élèves, les parents. '
                          . 'Les autres personnes peuvent continuer à l’utiliser.', undef],
        'past-all'   => [0, 'Fermé depuis le 1er mars 2017.', undef],
        'soon'       => [1, undef, 'À partir du 20 mars 2017, l’identifiant de l’ENT ne permettra plus de se connecter ici '
                          . 'pour : les élèves, les parents.'],
        'soon-all'   => [1, undef, 'À partir du 16 mars 2017, l’identifiant de l’ENT ne permettra plus de se connecter ici. '],
        'later'      => [1, undef, undef],
        'two-dates'  => [1, 'Depuis le 1er mars 2017, ce choix n’est plus ouvert pour : les élèves.',
            'À partir du 20 mars 2017, l’identifiant de l’ENT ne permettra plus de se connecter ici pour : les parents.'],
        'then-all'   => [1, 'n’est plus ouvert pour : les élèves.', 'À partir du 20 mars 2017, l’identifiant de l’ENT ne '
                          . 'permettra plus de se connecter ici. '],
        'report'     => [1, undef, undef],
        'announced'  => [1, undef, 'Le CAS fermera pour les familles.'],
        'past/reopened' => [1, undef, undef],
    );
    for my $path (sort keys %says) {
        my ($offered, $line, $notice) = @{ $says{$path} };
        my $page = chooser($path);
        my $text = $page->text =~ s/\x{a0}/ /gr;
        is($page->h1, 'Indiquez votre profil', "/$path");
        is($page->link($open) ? 1 : 0, $offered, $offered ? 'CAS is offered' : 'CAS is shown as closed');
        like($text, qr/Autres publics/, 'the entry stands there in any case');
        if (defined $line) { like($text, qr/\Q$line\E/, 'its line') }
        else { unlike($text, qr/Fermé|n’est plus ouvert/, 'no line') }
        if (defined $notice) { like($text, qr/À savoir \Q$notice\E/, 'the notice') }
        else { unlike($text, qr/À savoir|À partir du/, 'no notice') }
    }
    my $english = chooser('past-all', lang => 'en')->text;
    like($english, qr/Closed since 1 March 2017\./, 'in English: closed');
    like(chooser('soon', lang => 'en')->text, qr/From 20 March 2017 on, .*for: pupils, parents\./, 'in English: notice');
};

subtest 'the way to the chooser' => sub {
    my %ends = (
        '/past-all'      => 'chooser',   # nothing can begin
        '/past'          => 'chooser',
        '/one'           => 'CAS',       # one profile, nothing to explain
        '/one/later'     => 'CAS',
        '/one/soon'      => 'chooser',   # something has to be read first
        '/one/past'      => 'chooser',
        '/one/announced' => 'chooser',
    );
    for my $path (sort keys %ends) {
        my $page = browser()->get($server->url($path));
        my $end  = $page->url =~ m{^\Q@{[ $cas->url ]}\E/login} ? 'CAS' : $page->h1 eq 'Indiquez votre profil' ? 'chooser' : $page->url;
        is($end, $ends{$path}, $path);
    }
};

subtest 'the chooser, for who is connected' => sub {
    my $parent_line = 'Vous êtes aussi parent d’élève ? Depuis le 1er mars 2017, les parents se connectent par le guichet ATEN, '
        . 'avec leur identifiant national. Pour votre travail, rien ne change.';
    my $text = sub ($who, $path) { chooser($path, browser => $browsers{$who})->text =~ s/\x{a0}/ /gr };
    like($text->('prof-parent', 'past'), qr/\Q$parent_line\E/, 'a teacher who is a parent is told where to go as a parent');
    ok($browsers{'prof-parent'}->page->link('Continuer avec ce compte'), '... and can go on as a teacher');
    unlike($text->('prof', 'past'), qr/aussi parent/, 'a teacher is not');
    unlike($text->('prof-parent', 'open'), qr/aussi parent/, 'nor where nothing is closed');
    unlike($text->('prof-parent', 'soon'), qr/aussi parent/, 'nor before the date');
    unlike($text->('prof-parent', 'staff'), qr/aussi parent/, 'nor where it is the other role that is closed');
    like($text->('prof-parent', 'parents-late'), qr/aussi parent d’élève \? Depuis le 1er mars 2017 à 8 h 30, les parents/,
        'the date is that of the parents, not the earliest');
    $text->('parent', 'past');
    ok(!$browsers{parent}->page->link('Continuer avec ce compte'), 'who is refused there cannot go on');
    like($browsers{parent}->page->text, qr/Une personne est déjà connectée\s*: Françoise L'Hérault-Müller/, '... but is named');
    like($browsers{parent}->page->link(qr/Changez de compte/)->{href}, qr{^/aten/login\?to=%2fpast&switch=1&confirm=[\w-]+$},
        '... and can change');
};

subtest 'notices' => sub {
    my $nobody = browser();
    for my $notice (@notices) {
        my ($path, $date, $form, $days, $why) = @$notice;
        my $what = (defined $form ? "AtenCASNotice $form" : 'no AtenCASNotice') . ", $date: $why";
        is(identity_of($browsers{parent}->get($server->url("/$path")))->{ATEN_CAS_DAYS_LEFT}, $days, $what);
        my $told = chooser($path, browser => $nobody)->text =~ /À partir du/ ? 1 : 0;
        is($told, defined $days ? 1 : 0, '... the chooser too');
    }
    for my $case (['off', 0], ['days', 1], ['past', 1], ['not-yet', 0], ['always', 1]) {
        my ($form, $shown) = @$case;
        my $page = chooser("announced/$form", browser => $nobody);
        is($page->text =~ /Le CAS fermera pour les familles/ ? 1 : 0, $shown, "an announcement, with $form");
    }
    is(identity_of($browsers{parent}->get($server->url('/announced')))->{ATEN_CAS_DAYS_LEFT}, undef,
        'an announcement has no date to count down to');
};

# --- the log ---

subtest 'report-only' => sub {
    my $started = $server->log->text;
    like($started, qr/AtenCASCutoff \(\S+:\d+\): from 2017-03-01T00:00:00\+01:00 for pupils parents, report-only/, 'the start log has it');
    like($started, qr/\[auth_aten:warn\].*AtenCASCutoff \(\S+:\d+\): report-only, nobody is refused by this line/, '... and warns');
    is(() = $started =~ /nobody is refused by this line/g, 1, '... of this line alone');
    my %would = (parent => 'AT0400', eleve => 'AT0400', 'sans-profil' => 'AT0401', prof => undef, 'prof-parent' => undef);
    for my $who (sort keys %would) {
        my $mark = $server->log->mark;
        is($browsers{$who}->get($server->url('/report'))->status, 200, "$who is in");
        my $said = $server->log->since($mark) =~ /report-only: user (\S+) would be refused: (AT\d+): / ? "$1 $2" : undef;
        is($said, defined $would{$who} ? "$who $would{$who}" : undef, '... and the log says what would have happened');
        $mark = $server->log->mark;
        $browsers{$who}->get($server->url('/past'));
        unlike($server->log->since($mark), qr/report-only/, '... only there');
    }
};

subtest 'people without a population are logged, once an hour' => sub {
    my $warning = qr/\[auth_aten:warn\].*AT0401: the CAS server's answer puts user sans-profil into no population/;
    my $login   = sub { my $m = $server->log->mark; login($server, 'sans-profil', to => '/open'); $server->log->since($m) };
    is(() = $server->log->text =~ /$warning/g, 1, 'of all their logins until now, the first');
    unlike($login->(), $warning, 'not again');
    $server->set_time('2017-03-15 12:59:00');
    unlike($login->(), $warning, 'within the hour');
    $server->set_time('2017-03-15 13:30:00');
    like($login->(), $warning, 'but after it');
    $server->log_like($warning, 'and nothing else is expected of them');
    my $before = Aten::Server->new(cas => $cas, at => '2016-09-01 08:00:00', name => 'before',
        config => ent_config(inside => 'AtenCASCutoff 2017-03-01 pupils parents'));
    is(login($before, 'sans-profil')->page->status, 200, 'half a year before the date: in');
    $before->log_like($warning, '... and logged');
    login($before, 'prof');
    $before->clean_log_ok;
    my $without = Aten::Server->new(cas => $cas, config => ent_config(), name => 'without');
    is(login($without, 'sans-profil')->page->status, 200, 'where nothing closes: in');
    $without->clean_log_ok;
};

$server->clean_log_ok(qr/AtenCASCutoff \(\S+\): report-only, nobody is refused by this line/, qr/AtenCASNotice \(\S+\): from /);
done_testing;

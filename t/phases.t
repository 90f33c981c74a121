# The guide's three phases over one configuration file, which is conf/examples/three-phases.conf itself: one server is
# taken through them by its clock. Nothing is restarted, reloaded or rewritten on the way.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Portals ();
use Aten::Test;

need_module;

my $cas     = Aten::CAS->new;
my $portals = Aten::Portals->new;
my $example = Aten::Process::slurp(Aten::Process::top() . '/conf/examples/three-phases.conf');

# Where the portal and CAS are is all that is another site's.
is(scalar($example =~ s{/etc/apache2/aten/portal-metadata\.xml}{\@ROOT\@/conf/portal.xml}g), 1, 'the example names the portal once');
is(scalar($example =~ s{https://cas\.mon-ent\.fr/cas}{\@CAS\@}g), 1, '... and CAS');

my $server = Aten::Server->prepare(
    cas => $cas, at => '2016-06-15 12:00:00', env => { NO_FAKE_STAT => 1 },
    config => "$example\nScriptAlias /ent \"\@CGI\@/env\"\n",
);
$portals->metadata_file($server->root . '/conf/portal.xml', ['familles']);
$server->run->hold_time('2016-06-15 12:00:00');
my @processes = ($server->pid, $server->children);

# --- what a person meets ---

sub seen ($page) {
    if (reached($page)) {
        my $who = identity_of($page);
        return join ' ', $who->{ATEN_ROLES} // 'nobody', 'by', $who->{ATEN_BACKEND},
            defined $who->{ATEN_CAS_DAYS_LEFT} ? $who->{ATEN_CAS_DAYS_LEFT} : ();
    }
    return 'the portal'  if $portals->request_of($page, 'familles');
    return 'CAS'         if $page->url =~ m{^\Q@{[ $cas->url ]}\E/login};
    return 'the chooser' if ($page->h1 // '') eq 'Indiquez votre profil';
    my ($reference) = $page->text =~ /Référence à donner.*?: ([0-9a-f]{10})/;
    $reference //= 'none';
    return $server->log->text =~ /\b(AT\d{4}): [^\n]*\(reference \Q$reference\E\)/ ? $1 : 'status ' . $page->status;
}

my %has_national_identifier = (eleve => 1, parent => 1);

# [IDENTIFIEZ-VOUS], the profile, the form of the other side: what is there at the end.
sub attempt ($who, $profile, $to = '/ent/accueil') {
    my $browser = browser();
    $browser->get($server->url($to), until => $portals->stop);
    return $browser if seen($browser->page) ne 'the chooser';
    $browser->click(qr/profile=$profile(?:&|$)/, until => $portals->stop);
    if (seen($browser->page) eq 'CAS') {
        $browser->submit({ username => $who, password => $cas->password($who) }, until => $portals->stop);
    }
    elsif ($has_national_identifier{$who}) {
        $portals->pass($server, $browser, $who);
    }
    return $browser;
}

sub chooser ($to = '/ent/') { return browser()->get($server->url('/aten/login?to=' . Aten::URL::escape($to))) }

# --- the guide's table ---

my @people = qw(eleve parent prof prof-parent);
my $notice = 'À partir du 1er mars 2017, l’identifiant de l’ENT ne permettra plus de se connecter ici pour : les élèves, les parents.';
my $closed = 'Depuis le 1er mars 2017, ce choix n’est plus ouvert pour : les élèves, les parents.';

# Of each moment: where « élèves ou parents » leads, what the chooser tells; who comes by « Autres publics », in the order
# of @people, and what /ent/notes and /ent/aide make of a parent who does.
my @by_cas = ('eleve by cas', 'parent by cas', 'personnel by cas', 'personnel;parent by cas');
my @from_march = ('AT0400', 'AT0400', 'personnel by cas', 'personnel by cas');
sub counted ($days) { return ("eleve by cas $days", "parent by cas $days", @by_cas[2, 3]) }

my @moments = (
    # time                  the phase                           families      told     by CAS             notes               aide
    ['2016-06-15 12:00:00', 'before: a summer\'s day',          'CAS',        '',      [@by_cas],         'parent by cas',    'parent by cas'],
    ['2016-08-31 23:59:59', 'before: its last second',          'CAS',        '',      [@by_cas],         'parent by cas',    'parent by cas'],
    ['2016-09-01 00:00:00', 'ATEN: its first second',           'the portal', '',      [@by_cas],         'parent by cas',    'parent by cas'],
    ['2017-01-02 23:59:59', 'ATEN: before the notice',          'the portal', '',      [@by_cas],         'parent by cas',    'parent by cas'],
    ['2017-01-03 00:00:00', 'ATEN: the notice begins',          'the portal', $notice, [counted(57)],     'parent by cas 64', 'parent by cas'],
    ['2017-02-28 23:59:59', 'ATEN: its last second',            'the portal', $notice, [counted(1)],      'parent by cas 8',  'parent by cas'],
    ['2017-03-01 00:00:00', 'CAS removed: its first second',    'the portal', $closed, [@from_march],     'parent by cas 7',  'parent by cas'],
    ['2017-03-07 23:59:59', 'CAS removed: the marks\' last',    'the portal', $closed, [@from_march],     'parent by cas 1',  'parent by cas'],
    ['2017-03-08 00:00:00', 'CAS removed: the marks too',       'the portal', $closed, [@from_march],     'AT0400',           'parent by cas'],
    ['2017-07-01 08:00:00', 'CAS removed: half a year later',   'the portal', $closed, [@from_march],     'AT0400',           'parent by cas'],
);

for my $moment (@moments) {
    my ($time, $name, $families, $told, $others, $notes, $aide) = @$moment;
    subtest "$time, $name" => sub {
        $server->hold_time($time);
        my $page = chooser();
        my $text = $page->text =~ s/\x{a0}/ /gr;
        is($page->h1, 'Indiquez votre profil', 'the chooser');
        like($text, qr/élèves ou parents établissement Education Nationale.*Autres publics/, '... with both profiles in the guide\'s order');
        ok($page->link(qr/profile=$_(?:&|$)/), "... $_ is offered") for qw(eleves-parents autres-publics);
        for my $line ($notice, $closed) {
            if ($line eq $told) { like($text, qr/\Q$line\E/, '... it tells: ' . substr $line, 0, 28) }
            else { unlike($text, qr/\Q$line\E/, '... it does not tell: ' . substr $line, 0, 28) }
        }
        my $portal_role = $families eq 'CAS' ? 'cas' : 'aten';
        my $days        = $families eq 'CAS' && $others->[0] =~ /( \d+)$/ ? $1 : '';
        for my $who (qw(eleve parent)) {
            my $browser = attempt($who, 'eleves-parents', '/ent/cours?a=1&b=%C3%A9');
            is(seen($browser->page), "$who by $portal_role$days", "$who, as « élèves ou parents »");
            is(identity_of($browser)->{ATEN_PROFILE}, 'eleves-parents', '... by that profile');
            is($browser->url, $server->url('/ent/cours?a=1&b=%C3%A9'), '... at the page that was asked for');
        }
        my $teacher = attempt('prof', 'eleves-parents');
        is(seen($teacher->page), $families eq 'CAS' ? 'personnel by cas' : 'the portal',
            'a teacher as « élèves ou parents »: where that leads');
        for my $number (0 .. $#people) {
            my $browser = attempt($people[$number], 'autres-publics');
            is(seen($browser->page), $others->[$number], "$people[$number], as « Autres publics »");
            is($browser->jar->find('aten') ? 1 : 0, $others->[$number] =~ /^AT/ ? 0 : 1, '... session');
        }
        is(seen(attempt('parent', 'autres-publics', '/ent/notes/')->page), $notes, 'a parent by CAS at the marks');
        is(seen(attempt('parent', 'autres-publics', '/ent/aide/')->page),  $aide,  '... and at the help');
        for my $name (qw(profile selection)) {
            my $link = browser()->get($server->url("/aten/login?to=/ent/&$name=eleves-parents"), until => $portals->stop);
            is(seen($link), $families, "a link with $name= leads there too");
        }
    };
}

subtest 'the page of the third phase' => sub {
    $server->hold_time('2017-03-01 08:00:00');
    my $browser = attempt('parent', 'autres-publics', '/ent/cours?x=y');
    my $page    = $browser->page;
    my $text    = $page->text =~ s/\x{a0}/ /gr;
    is($page->status, 403, 'status');
    is($page->h1, 'Cet identifiant n’ouvre plus cette page', 'title');
    like($text, qr/Depuis le 1er mars 2017, l’identifiant de l’ENT \(CAS\) n’ouvre plus cette page pour : les parents\./, 'since when, for whom');
    like($text, qr/L’identifiant de l’ENT est remplacé par un identifiant national\./, 'why');
    like($text, qr/Connectez-vous au guichet ATEN avec votre identifiant national \(prenom\.nom\)/, 'where to go');
    ok($page->link($_), "help: $_") for qr{^https://aide\.mon-ent\.fr/premiere-connexion$}, qr{^https://aide\.mon-ent\.fr/identifiant$},
        qr{^mailto:ent\@mon-ent\.fr$};
    $browser->click('Se connecter : élèves ou parents > établissement Education Nationale', until => $portals->stop);
    is(seen($browser->page), 'the portal', 'the button leads there');
    $portals->pass($server, $browser, 'parent');
    is(seen($browser->page), 'parent by aten', 'in');
    is($browser->url, $server->url('/ent/cours?x=y'), '... at the page');
    my $nobody = attempt('sans-profil', 'autres-publics');
    is(seen($nobody->page), 'AT0401', 'whose profile CAS did not pass on');
    is($nobody->page->h1, 'Votre profil n’a pas été transmis', '... has a page of their own');
    like($nobody->page->link(qr/profile=eleves-parents/)->{href}, qr/switch=1/, '... with the button');
    my $teacher = attempt('prof-parent', 'autres-publics');
    $teacher->get($server->url('/aten/login?to=/ent/'));
    like($teacher->page->text, qr/Depuis le 1er mars 2017, les parents se connectent par le guichet ATEN/, 'a teacher who is a parent is told');
    my $english = browser(lang => 'en')->get($server->url('/aten/login?to=/ent/'))->text;
    like($english, qr/pupils or parents Education Nationale school .*Everyone else Since 1 March 2017, this choice/, 'in English');
};

# --- people who are there when a phase begins ---

subtest 'over the start of school' => sub {
    $server->hold_time('2016-08-31 23:59:59');
    my $parent = attempt('parent', 'eleves-parents');
    is(seen($parent->page), 'parent by cas', 'a parent, logged in by CAS as « élèves ou parents »');
    my %begun = map { $_ => browser() } qw(eleves-parents autres-publics);
    for my $profile (sort keys %begun) {
        $begun{$profile}->get($server->url("/aten/login?profile=$profile&to=/ent/page"));
        $begun{$profile}->submit({ username => 'parent', password => $cas->password('parent') }, until => sub ($to) { $to =~ /ticket=/ });
    }
    my $early = browser();
    $portals->pass($server, $early, 'parent', request => undef);
    is(seen($early->page), 'the chooser', 'an answer of the portal before its time: the chooser');
    is($early->jar->find('aten'), undef, '... and no session');
    $server->hold_time('2016-09-01 00:00:00');
    is(seen($parent->get($server->url('/ent/'))), 'parent by cas', 'the session goes on');
    $begun{$_}->get($begun{$_}->page->location, until => $portals->stop) for sort keys %begun;
    is(seen($begun{'autres-publics'}->page), 'parent by cas', 'a login as « Autres publics » ends');
    is(seen($begun{'eleves-parents'}->page), 'the portal', 'one as « élèves ou parents » goes on at the portal');
    $portals->pass($server, $begun{'eleves-parents'}, 'parent');
    is($begun{'eleves-parents'}->url, $server->url('/ent/page'), '... and ends at its page');
    is(seen($begun{'eleves-parents'}->page), 'parent by aten', '... in');
    $portals->pass($server, $early, 'parent', request => undef);
    is(seen($early->page), 'the portal', 'who starts at the portal now is asked there anew');
    $portals->pass($server, $early, 'parent');
    is(seen($early->get($server->url('/ent/'))), 'parent by aten', '... and is in');
};

subtest 'over the removal of CAS' => sub {
    $server->hold_time('2017-02-28 23:59:59');
    my %session = (
        'parent by CAS' => attempt('parent', 'autres-publics'), 'teacher by CAS' => attempt('prof', 'autres-publics'),
        'teacher and parent' => attempt('prof-parent', 'autres-publics'), 'parent by ATEN' => attempt('parent', 'eleves-parents'),
        'pupil by ATEN' => attempt('eleve', 'eleves-parents'),
    );
    my %before = (
        'parent by CAS' => 'parent by cas 1', 'teacher by CAS' => 'personnel by cas', 'teacher and parent' => 'personnel;parent by cas',
        'parent by ATEN' => 'parent by aten', 'pupil by ATEN' => 'eleve by aten',
    );
    my %after = (%before, 'parent by CAS' => 'AT0400', 'teacher and parent' => 'personnel by cas');
    my $begun = browser();
    $begun->get($server->url('/aten/login?profile=autres-publics&to=/ent/'));
    $begun->submit({ username => 'parent', password => $cas->password('parent') }, until => sub ($to) { $to =~ /ticket=/ });
    my $at_portal = $portals->begin($server, to => '/ent/');
    my %seen = map { $_ => seen($session{$_}->page) } keys %session;
    is_deeply(\%seen, \%before, 'the last second') or diag explain \%seen;
    $server->hold_time('2017-03-01 00:00:00');
    %seen = map { $_ => seen($session{$_}->get($server->url('/ent/'))) } keys %session;
    is_deeply(\%seen, \%after, 'the first: the same sessions') or diag explain \%seen;
    is(seen($session{'parent by CAS'}->get($server->url('/ent/aide/'))), 'parent by cas', '... which still opens the help');
    is(seen($begun->get($begun->page->location)), 'AT0400', 'a login by CAS that was under way is refused');
    $portals->pass($server, $at_portal, 'parent');
    is(seen($at_portal->page), 'parent by aten', 'one at the portal ends well');
};

# --- one server, one file ---

is_deeply([$server->pid, $server->children], \@processes, 'the same processes all the time');
is(scalar(() = $server->log->text =~ /resuming normal operations/g), 1, '... started once');
unlike($server->log->text, qr/AtenPortalMetadata: read again/, '... and nothing was read again');
$server->log_like(qr/\[auth_aten:notice\].*AtenBackendFrom \(profile eleves-parents\): from 2016-09-01T00:00:00\+02:00 aten$/m,
    'the start log: from when the portal is the way');
$server->log_like(qr/\[auth_aten:notice\].*AtenCASNotice \(\S+\): from 2017-01-03T00:00:00\+01:00$/m, '... the notice');
$server->log_like(qr/\[auth_aten:notice\].*AtenCASCutoff \(\S+\): from \Q$_\E for pupils parents$/m, "... the removal: $_")
    for '2017-03-01T00:00:00+01:00', '2017-03-08T00:00:00+01:00';
$server->clean_log_ok(qr/AT0401: the CAS server's answer puts user sans-profil/);
done_testing;

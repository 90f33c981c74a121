# « Indiquez votre profil » and the module's other pages: what stands on them, in which language and order, with which
# headers, and that it is valid HTML.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::URL ();
use HTML::TokeParser ();
use HTTP::Tiny ();

need_module;

my $cas = Aten::CAS->new;
$cas->set_account(balise => { sn => '<b>"Nom" & \'Co\'</b>', givenName => '{0}é', ENTPersonProfils => 'National_3' });
$cas->set_account(nom    => { sn => 'Seul', ENTPersonProfils => 'National_3' });
$cas->set_account(prenom => { givenName => 'Seul', ENTPersonProfils => 'National_3' });

# A protected path with these lines. Its name says what it is for.
sub place ($path, @lines) {
    return join "\n", "<Location \"/$path\">", 'AuthType aten', 'Require valid-user', @lines, '</Location>', '';
}
sub host ($port, @lines) {
    return join "\n", "Listen 127.0.0.1:\@$port\@", "<VirtualHost 127.0.0.1:\@$port\@>", 'ServerName localhost',
        'ScriptAlias /ent @CGI@/env', place('ent'), @lines, '</VirtualHost>', '';
}

my $config = join '',
    (host PORT => 'AtenCASServer @CAS@', 'ScriptAlias /past @CGI@/env', 'ScriptAlias /others @CGI@/env',
        place('soon',     'AtenCASCutoff 2017-03-01 pupils parents'),
        place('hour',     'AtenCASCutoff 2017-03-01T08:30 everyone'),
        place('later',    'AtenCASCutoff 2017-06-01 everyone'),
        place('dated',    'AtenCASCutoff 2017-06-01 staff', 'AtenCASNotice 2017-02-20'),
        place('said',     'AtenCASCutoff announced "Le CAS <fermera> bientôt & pour tous." pupils',
                          'AtenCASCutoff announced "Seconde annonce." parents'),
        place('both',     'AtenCASCutoff announced "Annonce." pupils', 'AtenCASCutoff 2017-03-01 parents'),
        place('past',     'AtenCASCutoff 2017-02-01 pupils parents'),
        place('past-all', 'AtenCASCutoff 2017-02-01T08:30 everyone'),
        place('mixed',    'AtenCASCutoff 2017-02-01 pupils', 'AtenCASCutoff 2017-03-01 parents'),
        place('report',   'AtenCASCutoff 2017-02-01 everyone report-only'),
        place('others',   'AtenProfiles eleves-parents'),
        place('rights',   'Require user somebody-else') =~ s/Require valid-user\n//r,
    ) =~ s/^Listen .*\n//r,
    (host PORT2 => 'AtenCASServer @CAS@', <<~'END',
        AtenHelpLink contact       https://aide.example/contact "Écrire au <support>"
        AtenHelpLink lost-password fr /aide/perdu
        AtenHelpLink lost-password en /help/lost
        AtenHelpLink no-identifier mailto:ent@ac.example
        <AtenProfile nord-eleves>
            AtenLabel fr "Académie Nord > Élèves"
            AtenLabel en "Northern region>Pupils"
            AtenBackend cas
        </AtenProfile>
        <AtenProfile sud>
            AtenLabel "Sud & <Corse"
            AtenBackend cas http://127.0.0.1:9/sud
        </AtenProfile>
        <AtenProfile nord-agents>
            AtenLabel fr "Académie Nord > Agents"
            AtenLabel en "Northern region > Staff"
            AtenBackend cas
        </AtenProfile>
        <AtenProfile ferme>
            AtenLabel fr "Ancien accès"
            AtenBackend closed
            AtenHelpLink contact tel:+33400000000 "Appeler"
            AtenHelpLink locked  /aide/bloque
        </AtenProfile>
        <AtenProfile ferme-depuis>
            AtenLabel "Autre ancien > Accès"
            AtenBackend cas
            AtenBackendFrom 2017-02-20T11:59:59 closed
        </AtenProfile>
        <AtenProfile ouvert-depuis>
            AtenLabel "Nouvel accès"
            AtenBackend closed
            AtenBackendFrom 2017-02-20T12:00 cas
            AtenBackendFrom 2017-02-21 closed
        </AtenProfile>
        END
        place('order',    'AtenProfiles ouvert-depuis sud nord-agents ferme nord-eleves'),
        place('helped',   'AtenHelpLink contact fr /ici "Demander ici"', 'AtenHelpLink first-login /ici/premiere',
                          'AtenHelpLink no-email /ici/courriel'),
        place('one',           'AtenProfiles sud'),
        place('one-later',     'AtenProfiles sud', 'AtenCASCutoff 2017-06-01 everyone'),
        place('one-report',    'AtenProfiles sud', 'AtenCASCutoff 2017-02-01 pupils parents report-only'),
        place('one-unsaid',    'AtenProfiles sud', 'AtenCASCutoff 2017-03-01 everyone', 'AtenCASNotice off'),
        place('one-off',       'AtenProfiles sud', 'AtenCASCutoff off'),
        place('two',           'AtenProfiles sud nord-agents'),
        place('one-and-closed', 'AtenProfiles sud ferme'),
        place('one-soon',      'AtenProfiles sud', 'AtenCASCutoff 2017-03-01 everyone'),
        place('one-said',      'AtenProfiles sud', 'AtenCASCutoff announced "Annonce." pupils'),
        place('one-past',      'AtenProfiles sud', 'AtenCASCutoff 2017-02-01 pupils'),
        place('none-all',      'AtenProfiles sud', 'AtenCASCutoff 2017-02-01 everyone'),
        place('none',          'AtenProfiles ferme ferme-depuis'),
    ),
    # Nobody listens.
    host(PORT3 => 'AtenCASServer http://127.0.0.1:9/cas'),
    # No CAS server's answer; plain http elsewhere.
    host(PORT4 => 'AtenCASServer @CAS@', 'AtenCASValidateURL http://localhost:@PORT@/index.html'),
    host(PORT5 => 'ServerName plain.test', 'AtenCASServer @CAS@') =~ s/ServerName localhost\n//r;
utf8::encode($config);
my $server = Aten::Server->prepare(cas => $cas, at => '2017-02-20 12:00:00', config => $config);
$server->file('htdocs/bad/.htaccess', "AuthType aten\nRequire valid-user\nAtenProfiles nobody\n");
$server->run->hold_time('2017-02-20 12:00:00');

my %port = (default => 'PORT', custom => 'PORT2', down => 'PORT3', html => 'PORT4');
sub at ($which, $path) { return 'http://localhost:' . $server->var($port{$which}) . $path }
sub chooser ($which, $to, %option) {
    return ($option{browser} // browser(%option))->get(at($which, '/aten/login?to=' . Aten::URL::escape($to)));
}

my %french  = (lang => 'fr');
my %english = (lang => 'en-GB,en;q=0.8');

# --- valid, and without what a strict policy forbids ---

my $file = Aten::Process::temporary_directory('tidy') . '/page.html';
my %seen;

# Every page that any test here meets goes through this.
sub valid_ok ($page, $why) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $html = $page->html;
    Aten::Process::spew($file, $page->body);
    my $tidy = `tidy -e -q -utf8 '$file' 2>&1`;
    my $exit = $? >> 8;
    my %id;
    my @wrong = $exit || length $tidy ? "tidy: $tidy" : ();
    push @wrong, map { "the id $_ twice" } grep { $id{$_}++ } $html =~ / id="([^"]*)"/g;
    my @named = map { split ' ' } $html =~ /aria-\w+by="([^"]*)"/g;
    push @wrong, map { "no element has the id $_" } grep { !$id{$_} } @named;
    push @wrong, 'not one h1' if (() = $html =~ /<h1[ >]/g) != 1;
    push @wrong, "forbidden: $1" if $html =~ /(<script|<style|<form|<img| style=| on\w+=|javascript:)/i;
    push @wrong, 'no language' if $html !~ /^<!DOCTYPE html>\n<html lang="(?:fr|en)">/;
    push @wrong, 'something follows the end' if $html !~ m{</html>\n\z};
    push @wrong, 'no style sheet of ours' if $html !~ m{<link rel="stylesheet" href="/aten/style\.css">};
    push @wrong, 'a placeholder is left' if $html =~ /\{[0-3]\}/ && $html !~ /\{0\}é/;
    $seen{ $page->h1 // '' }++;
    return ok(!@wrong, "$why: valid HTML") || diag join "\n", @wrong, $html;
}

my $policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    . "frame-ancestors 'none'";

sub headers_ok ($page, $why) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %header = map { $_ => join ' | ', $page->header_all($_) }
        qw(content-type content-security-policy cache-control x-content-type-options x-frame-options referrer-policy);
    return is_deeply \%header, {
        'content-type' => 'text/html; charset=utf-8', 'content-security-policy' => $policy,
        'cache-control' => 'no-store',
        'x-content-type-options' => 'nosniff', 'x-frame-options' => 'DENY', 'referrer-policy' => 'no-referrer',
    }, "$why: headers";
}

# --- reading a chooser ---

# The entries in order, each "group > label => address (line)", an address without the parameter `to`.
sub entries ($page) {
    my $parser = HTML::TokeParser->new(\(my $html = $page->html));
    $parser->get_tag('nav') or return;
    my (@entries, $group, $in_group, $note);
    while (my $token = $parser->get_token) {
        my ($kind, $tag, $attributes) = @$token;
        last if $kind eq 'E' && $tag eq 'nav';
        my $class = $kind eq 'S' ? $attributes->{class} // '' : '';
        if ($class eq 'group') {
            $parser->get_tag('h2');
            $group = $parser->get_text('/h2');
            next;
        }
        undef $group if $kind eq 'E' && $tag eq 'ul';
        if ($class eq 'label') {
            my $href = $attributes->{href};
            my $text = (defined $group ? "$group > " : '') . $parser->get_text("/$tag");
            push @entries, $text . ($tag eq 'a' ? ' => ' . $href =~ s/to=[^&]*&//r : ' (closed)');
            $note = $attributes->{'aria-describedby'};
        }
        $entries[-1] .= ' (' . Aten::Page::tidy($parser->get_text('/div')) . ')' if $class eq 'note';
    }
    return \@entries;
}

sub labels ($page) { return [map { s/ (?:=>|\().*//r } @{ entries($page) }] }

# What stands before the entries, and the help after them.
sub notice ($page) {
    return $page->html =~ m{<section class="notice".*?</h2>\n(.*?)</section>}s
        ? Aten::Page::tidy(HTML::Entities::decode_entities($1 =~ s/<[^>]*>/ /gr)) : undef;
}
sub help ($page) {
    my ($html) = $page->html =~ m{<aside class="help".*?>(.*?)</aside>}s or return [];
    my $aside = Aten::Page->new($page->url, { content => Encode::encode('UTF-8', $html) }, {});
    return [map { "$_->{text} => $_->{href}" } $aside->links];
}

# --- the guide's page ---

subtest 'the two profiles of the guide' => sub {
    my $page = chooser('default', '/ent/a?b=1', %french);
    is $page->h1, 'Indiquez votre profil', 'the title';
    is $page->title, 'Indiquez votre profil – ENT', '... of the window too';
    like $page->html, qr/<html lang="fr">/, 'French';
    is_deeply entries($page), [
        'élèves ou parents > établissement Education Nationale => /aten/login?profile=eleves-parents',
        'Autres publics => /aten/login?profile=autres-publics',
    ], 'the entries, as the guide draws them';
    is_deeply [map { $_->{href} } $page->links], [
        '/aten/login?to=%2fent%2fa%3fb%3d1&profile=eleves-parents',
        '/aten/login?to=%2fent%2fa%3fb%3d1&profile=autres-publics',
    ], 'links, and no others, that know the page asked for';
    is $page->text,
        'Espace numérique de travail Indiquez votre profil élèves ou parents établissement Education Nationale'
        . ' Autres publics', 'and nothing else';
    headers_ok($page, 'the chooser');
    valid_ok($page, 'the chooser');
    is_deeply [$page->header_all('set-cookie')], [], 'no cookie for who only looks';

    $page = chooser('default', '/ent/', %english);
    is $page->h1, 'Choose your profile', 'in English';
    is $page->title, 'Choose your profile – School portal', '... of the window too';
    like $page->html, qr/<html lang="en">/, '... marked so';
    is_deeply labels($page), ['pupils or parents > Education Nationale school', 'Everyone else'], '... the entries';
    is $page->text, 'School portal Choose your profile pupils or parents Education Nationale school Everyone else',
        '... nothing else';
    valid_ok($page, '... the chooser');

    $page = browser()->get(at('default', '/aten/login'));
    is_deeply [map { $_->{href} } $page->links], [
        '/aten/login?profile=eleves-parents', '/aten/login?profile=autres-publics',
    ], 'nothing was asked for: the links leave it open';
};

subtest 'Accept-Language' => sub {
    my @cases = (
        [undef,                       'fr', 'none'],
        ['',                          'fr', 'an empty one'],
        ['fr',                        'fr', 'French'],
        ['fr-CA',                     'fr', 'of Canada'],
        ['en',                        'en', 'English'],
        ['en-GB,en;q=0.9,fr;q=0.8',   'en', 'a British browser'],
        ['EN-us',                     'en', 'letters of any case'],
        ['fr,en',                     'fr', 'both alike'],
        ['en,fr',                     'fr', '... in the other order'],
        ['fr;q=0.4,en;q=0.5',         'en', 'English rather'],
        ['en;q=0.4, fr;q=0.5',        'fr', 'French rather'],
        ['de,en;q=0.5',               'en', 'neither, but English before nothing'],
        ['de',                        'fr', 'neither'],
        ['*',                         'fr', 'anything'],
        ['en;q=0',                    'fr', 'anything but English'],
        ['fr;q=0, *',                 'en', 'anything but French'],
        ['en;q=abc',                  'fr', 'no weight'],
        ['en;q=1.1',                  'fr', 'more than there is'],
        ['english',                   'fr', 'no tag of a language that we know'],
        ["en\tfr",                    'fr', 'no list'],
        ['en' . ',x' x 2000,          'en', 'a long one'],
    );
    for my $case (@cases) {
        my ($header, $lang, $why) = @$case;
        my $page = browser()->get(at('default', '/aten/login'), headers => { 'accept-language' => $header });
        is $page->html =~ /<html lang="(\w+)">/ ? $1 : $page->status, $lang, "$why: " . substr $header // '-', 0, 40;
        is $page->h1, $lang eq 'fr' ? 'Indiquez votre profil' : 'Choose your profile', '... in these words';
    }
};

# --- what administrators write ---

my $note_of = 'Fermé. Utilisez un autre choix.';
subtest 'profiles of one\'s own' => sub {
    my $page = chooser('custom', '/ent/', %french);
    is_deeply entries($page), [
        'Académie Nord > Élèves => /aten/login?profile=nord-eleves',
        'Académie Nord > Agents => /aten/login?profile=nord-agents',
        'Sud & <Corse => /aten/login?profile=sud',
        "Ancien accès (closed) ($note_of)",
        "Autre ancien > Accès (closed) ($note_of)",
        'Nouvel accès => /aten/login?profile=ouvert-depuis',
    ], 'in the order of the file, a group in the place of its first';
    is scalar(() = $page->html =~ /<h2>Acad/g), 1, 'a group has one heading';
    valid_ok($page, 'nested');
    is_deeply labels(chooser('custom', '/ent/', %english)), [
        'Northern region > Pupils', 'Northern region > Staff', 'Sud & <Corse', 'Ancien accès', 'Autre ancien > Accès',
        'Nouvel accès',
    ], 'in English: its own label, else the one for all, else the only one';

    $page = chooser('custom', '/order/', %french);
    is_deeply labels($page), [
        'Nouvel accès', 'Sud & <Corse', 'Académie Nord > Agents', 'Académie Nord > Élèves', 'Ancien accès',
    ], 'AtenProfiles: these, in this order';
    valid_ok($page, 'nested in another order');

    $server->hold_time('2017-02-20 11:59:58');
    is_deeply [(map { s/ =>.*//r } @{ entries(chooser('custom', '/ent/')) })[4, 5]],
        ['Autre ancien > Accès', "Nouvel accès (closed) ($note_of)"], 'AtenBackendFrom: before its date';
    $server->hold_time('2017-02-21 00:00:00');
    is_deeply [(map { s/ =>.*//r } @{ entries(chooser('custom', '/ent/')) })[4, 5]],
        ["Autre ancien > Accès (closed) ($note_of)", "Nouvel accès (closed) ($note_of)"], '... and after the next one';
    $server->hold_time('2017-02-20 12:00:00');
};

subtest 'a closed profile' => sub {
    my %why = (ferme => 'Ancien accès', 'ferme-depuis' => 'Autre ancien > Accès');
    for my $id (sort keys %why) {
        my $page = browser(%french)->get(at('custom', "/aten/login?profile=$id&to=/ent/x"));
        is $page->status, 403, "$id: no login begins";
        is $page->h1, 'Ce profil est fermé', '... a page says so';
        like $page->text, qr/On ne peut plus se connecter par « \Q$why{$id}\E »\. Choisissez un autre profil\./,
            '... by its name';
        is $page->link('Choisir un profil')->{href}, '/aten/login?to=%2fent%2fx', '... with the way to the others';
        headers_ok($page, '... the page');
        valid_ok($page, '... the page');
        is_deeply [$page->header_all('set-cookie')], [], '... no cookie';
        my ($reference) = $page->text =~ /: ([0-9a-f]{10})/;
        $server->log_like(qr/auth_aten:info.*AT0402: the profile is closed.*\(reference \Q$reference\E\)/,
            '... and a line in the log');
    }
    my $page = browser(%english)->get(at('custom', '/aten/login?profile=ferme'));
    is $page->h1, 'This profile is closed', 'in English';
    like $page->text, qr/no longer possible to log in by “Ancien accès”/, '... by its name';
    valid_ok($page, '... the page');
    my $script = browser()->fetch(at('custom', '/aten/login?profile=ferme'), from => at('custom', '/'));
    is $script->status, 403, 'a script is refused too';
};

subtest 'help' => sub {
    my @general = ('Écrire au <support> => https://aide.example/contact');
    is_deeply help(chooser('custom', '/ent/', %french)), [
        'Je n’ai pas reçu mon identifiant => mailto:ent@ac.example',
        'J’ai oublié mon mot de passe => /aide/perdu', @general,
    ], 'in the order of the kinds, by words of our own or of the administrator';
    is_deeply help(chooser('custom', '/ent/', %english)), [
        'I have not received my identifier => mailto:ent@ac.example',
        'I have forgotten my password => /help/lost', @general,
    ], 'in English: the link of this language';
    my @inside = ('C’est ma première connexion => /ici/premiere', 'J’ai oublié mon mot de passe => /aide/perdu',
        'Je n’ai pas d’adresse électronique => /ici/courriel');
    my $page = chooser('custom', '/helped/', %french);
    is_deeply help($page), ['Je n’ai pas reçu mon identifiant => mailto:ent@ac.example', @inside,
        'Demander ici => /ici'],
        'a path adds its own, and replaces those of the kind';
    like $page->text, qr/Besoin d’aide \? Je n’ai pas/, 'under a heading';
    valid_ok($page, '... the chooser');
    like chooser('custom', '/helped/', %english)->text, qr/Need help\? I have not .* Écrire au <support>/,
        'in English: not the link of the other language';
    is_deeply help(browser(%french)->get(at('custom', '/aten/login?profile=ferme'))), [
        'Je n’ai pas reçu mon identifiant => mailto:ent@ac.example', 'J’ai oublié mon mot de passe => /aide/perdu',
        'Mon compte est bloqué => /aide/bloque', 'Appeler => tel:+33400000000',
    ], 'a profile\'s own stand where it is closed';
    is_deeply help(chooser('default', '/ent/')), [], 'none: no list';
    unlike chooser('default', '/ent/')->html, qr/<aside/, '... and no heading';
};

# --- the date ---

my $prepare = 'Élèves et parents : préparez votre identifiant national (prenom.nom).';
my $closing = 'l’identifiant de l’ENT ne permettra plus de se connecter ici';
my @dates   = (
    ['soon', "À partir du 1er mars 2017, $closing pour : les élèves, les parents. $prepare", undef,
        'populations, soon'],
    ['hour', "À partir du 1er mars 2017 à 8 h 30, $closing. $prepare", undef, 'everyone, soon, at an hour'],
    ['later', undef, undef, 'later than the notice'],
    ['dated', "À partir du 1er juin 2017, $closing pour : les personnels. $prepare", undef, 'a notice from a date on'],
    ['said', 'Le CAS <fermera> bientôt & pour tous. Seconde annonce.', undef, 'announced without a date'],
    ['both', "À partir du 1er mars 2017, $closing pour : les parents. $prepare Annonce.", undef,
        'a date and an announcement'],
    ['past', undef,
        'Depuis le 1er février 2017, ce choix n’est plus ouvert pour : les élèves, les parents.'
        . ' Les autres personnes peuvent continuer à l’utiliser.', 'closed for populations'],
    ['past-all', undef, 'Fermé depuis le 1er février 2017 à 8 h 30. Utilisez un autre choix.', 'closed for everyone'],
    ['mixed', "À partir du 1er mars 2017, $closing pour : les parents. $prepare",
        'Depuis le 1er février 2017, ce choix n’est plus ouvert pour : les élèves.'
        . ' Les autres personnes peuvent continuer à l’utiliser.', 'one after the other'],
    ['report', undef, undef, 'a rehearsal'],
);
subtest 'notices and closed entries' => sub {
    for my $row (@dates) {
        my ($path, $notice, $line, $why) = @$row;
        my $page   = chooser('default', "/$path/", %french);
        my $closed = ($line // '') =~ /^Fermé/;
        is notice($page), $notice, "$why: the notice";
        my $leads  = sub ($id) { ($closed ? ' (closed)' : " => /aten/login?profile=$id") . ($line ? " ($line)" : '') };
        is_deeply entries($page), [
            'élèves ou parents > établissement Education Nationale' . $leads->('eleves-parents'),
            'Autres publics' . $leads->('autres-publics'),
        ], '... the entries';
        valid_ok($page, '... the chooser');
        valid_ok(chooser('default', "/$path/", %english), '... in English');
    }
    my $page = chooser('default', '/past/', %french);
    is scalar(() = $page->html =~ /<a class="label"[^>]* aria-describedby="note-[12]">/g), 2,
        'a line belongs to its link';
    like chooser('default', '/past-all/', %english)->text,
        qr/Closed since 1 February 2017 at 08:30\. Use another choice\./, 'in English: closed';
    like chooser('default', '/soon/', %english)->text,
        qr/Please note From 1 March 2017 on, .* no longer work here for: pupils, parents\. Pupils and parents: have/,
        '... soon';

    $page = browser(%french)->get(at('default', '/aten/login?profile=autres-publics&to=/past-all/'));
    is $page->status, 403, 'a deep link to what is closed for everyone: refused';
    like $page->text, qr/par « Autres publics ».*Fermé depuis le 1er février 2017 à 8 h 30/, '... says the page';
    valid_ok($page, '... the page');
    $page = browser()->get(at('default', '/aten/login?profile=autres-publics&to=/past/'), follow => 0);
    is $page->status, 303, 'to what is closed for some: the login begins';
};

subtest 'one profile left' => sub {
    my $sud = 'http://127.0.0.1:9/sud/login?';
    my @cases = (
        ['one',            'cas',     'nothing to explain'],
        ['one-later',      'cas',     'a date that nobody is told of yet'],
        ['one-report',     'cas',     'a rehearsal'],
        ['one-unsaid',     'cas',     'a notice that is switched off'],
        ['one-off',        'cas',     'no cut-off'],
        ['two',            'chooser', 'two are left'],
        ['one-and-closed', 'chooser', 'a closed one has to be explained'],
        ['one-soon',       'chooser', 'a notice'],
        ['one-said',       'chooser', 'an announcement'],
        ['one-past',       'chooser', 'who may still use it'],
        ['none-all',       'chooser', 'none is left: since when'],
        ['none',           'chooser', 'none is left'],
    );
    for my $case (@cases) {
        my ($path, $leads, $why) = @$case;
        my $page = browser()->get(at('custom', "/$path/x?y"), until => sub ($to) { index($to, $sud) == 0 });
        my $at   = index($page->location // '', $sud) == 0 ? 'cas'
            : $page->url =~ m{/aten/login\?to=%2f\Q$path\E%2fx%3fy$} ? 'chooser' : $page->url;
        my $begun = $leads eq 'cas' ? 1 : 0;
        is $at, $leads, "/$path, $why: $leads";
        is scalar(() = $page->header_all('set-cookie')), $begun, "... logins that are under way: $begun";
        valid_ok($page, '... the chooser') if $leads eq 'chooser';
    }
    is browser()->get(at('custom', '/aten/login?to=/one/'))->h1, 'Indiquez votre profil',
        'the button always leads to the chooser';
};

# --- who is connected ---

subtest 'who is connected' => sub {
    my $site    = bless { which => 'default' }, 'Site';
    my %browser = map { $_ => login($site, $_, browser_options => {%french}) } qw(prof prof-parent balise nom prenom);
    my $page    = chooser('default', '/ent/x?y', browser => $browser{prof});
    is $page->text =~ s/ élèves ou parents .*//r, "Espace numérique de travail Indiquez votre profil"
        . " Une personne est déjà connectée : André D'Aubigné Continuer avec ce compte Ce n’est pas vous ? Changez de compte",
        'the name, before the entries';
    is $page->link('Continuer avec ce compte')->{href}, '/ent/x?y', 'to go on';
    like $page->link('Ce n’est pas vous ? Changez de compte')->{href},
        qr{^/aten/login\?to=%2fent%2fx%3fy&switch=1&confirm=[\w-]{22}$}, '... or not';
    is scalar(@{ entries($page) }), 2, 'the entries are there all the same';
    headers_ok($page, 'under a session');
    valid_ok($page, 'under a session');
    my %shown = (balise => q({0}é <b>"Nom" & 'Co'</b>), nom => 'Seul', prenom => 'prenom');
    for my $who (sort keys %shown) {
        $page = chooser('default', '/ent/', browser => $browser{$who});
        like $page->text, qr/déjà connectée : \Q$shown{$who}\E Continuer/, "$who: as $shown{$who}";
        unlike $page->html, qr/<b>/, '... without its markup';
        valid_ok($page, '... the chooser');
    }
    $browser{prof}{lang} = 'en';
    like chooser('default', '/ent/', browser => $browser{prof})->text,
        qr/Somebody is already logged in: André D'Aubigné Continue with this account Not you\? Use another account/,
            'in English';
    $browser{prof}{lang} = 'fr';

    $page = chooser('default', '/others/', browser => $browser{prof});
    like $page->text, qr/déjà connectée/, 'where this session is good for nothing: the name';
    ok !$page->link('Continuer avec ce compte'), '... and no way to go on';
    ok $page->link(qr/switch=1/), '... but to change';
    $page = chooser('default', '/past/', browser => $browser{'prof-parent'});
    my $elsewhere = 'les parents se connectent par le guichet ATEN, avec leur identifiant national. Pour votre travail,'
        . ' rien ne change.';
    like $page->text, qr/Vous êtes aussi parent d’élève \? Depuis le 1er février 2017, \Q$elsewhere\E/,
        'a teacher who is a parent is told where to go as one';
    valid_ok($page, '... on the chooser');

    my %refused = (
        '/past-all/' => ['Cet identifiant n’ouvre plus cette page', 'This identifier no longer opens this page',
            'AT0400'],
        '/others/'   => ['Ce profil n’ouvre pas cette page', 'This profile does not open this page', 'AT0403'],
        '/rights/'   => ['Cette page n’est pas ouverte à votre compte', 'This page is not open to your account',
            'AT0405'],
    );
    for my $path (sort keys %refused) {
        my ($in_french, $in_english, $tag) = @{ $refused{$path} };
        for my $case (['fr', $in_french], ['en', $in_english]) {
            $browser{prof}{lang} = $case->[0];
            $page = $browser{prof}->get(at('default', $path));
            is $page->status, 403, "$path: refused";
            is $page->h1, $case->[1], "... in the words of $case->[0]";
            headers_ok($page, '... the page');
            valid_ok($page, '... the page');
        }
        $server->log_like(qr/auth_aten:info.*\Q$tag\E: .*user prof/, '... with a line in the log');
    }
    # Whose population the server didn't tell, on a path that closes for some.
    for my $lang (\%french, \%english) {
        $page = login($site, 'sans-profil', browser_options => $lang, to => '/past/')->page;
        is $page->h1, $lang == \%french ? 'Votre profil n’a pas été transmis' : 'Your profile was not passed on',
            'no population';
        valid_ok($page, '... the page');
    }
    $server->log_like(qr/auth_aten:warn.*AT0401: the CAS server's answer puts user sans-profil into no population/,
        '... is worth a warning');
};

package Site {
    sub url ($self, $path, %option) { return main::at($self->{which}, $path) }
    sub cas ($self) { return $cas }
}

# --- what goes wrong ---

# A login that is under way, and the address by which its ticket would come back.
sub back ($browser, $which, $ticket) {
    my $page = $browser->get(at($which, '/aten/login?profile=autres-publics&to=/ent/'), follow => 0);
    my ($state) = $page->location =~ /state%3d([\w.-]+)/;
    return at($which, "/aten/cas?state=$state&ticket=$ticket");
}

my $nobodys = 'A' x 22;
my %telling = (
    'a page that is not there' => [404, sub { at('default', '/aten/nothing') }, 'Cette page n’existe pas',
        'This page does not exist'],
    'a repeated parameter'     => [400, sub { at('default', '/aten/login?to=/a&to=/b') },
        'Cette adresse n’est pas correcte', 'This address is not right'],
    'logged out'               => [200, sub { at('default', '/aten/logout') }, 'Vous êtes déconnecté',
        'You are logged out'],
    'the CAS server is down'   => [502, sub ($b) { back($b, 'down', 'ST-1') },
        'La connexion ne marche pas pour le moment', 'Logging in does not work at the moment'],
    'an answer of somebody else' => [502, sub ($b) { back($b, 'html', 'ST-1') },
        'Votre connexion n’a pas pu être vérifiée', 'Your login could not be checked'],
    'a ticket refused twice'   => [403, sub ($b) { back($b, 'default', 'ST-1') =~ s/\.0\./.1./r },
        'Votre connexion n’a pas été confirmée', 'Your login was not confirmed'],
    'no cookies'               => [400, sub { at('default', "/aten/cas?ticket=ST-1&state=$nobodys.1.autres-publics") },
        'Votre navigateur semble refuser les cookies', 'Your browser seems to refuse cookies'],
    'a mistake in .htaccess'   => [500, sub { at('default', '/bad/') }, 'Un problème est survenu',
        'Something went wrong'],
    'plain http elsewhere'     => [403, sub { 'http://plain.test:' . $server->var('PORT5') . '/ent/' },
        'Cette adresse n’est pas protégée', 'This address is not protected'],
    'no ticket at all'         => [400, sub ($b) { back($b, 'default', '%3Cscript%3E') },
        'Cette adresse n’est pas correcte', 'This address is not right'],
);
subtest 'pages that tell something' => sub {
    for my $what (sort keys %telling) {
        my ($status, $address, $in_french, $in_english) = @{ $telling{$what} };
        for my $lang (\%french, \%english) {
            my $browser = browser(%$lang);
            my $mark    = $server->log->mark;
            my $page    = $browser->get($address->($browser));
            is $page->status, $status, "$what: $status";
            is $page->h1, $lang == \%french ? $in_french : $in_english, "... in the words of $lang->{lang}";
            headers_ok($page, '... the page');
            valid_ok($page, '... the page');
            my $words = $lang == \%french ? 'Référence à donner si vous demandez de l’aide :'
                : 'Reference to give if you ask for help:';
            my ($reference) = $page->text =~ /\Q$words\E ([0-9a-f]{10})/;
            is !defined $reference, $status < 400, $status < 400 ? '... no reference' : '... a reference';
            like $server->log->wait_like(qr/\Q$reference\E/, $mark), qr/AT\d{4}: .*\(reference \Q$reference\E\)/,
                '... that stands in the log' if $reference;
        }
    }
    $cas->set_account(trop => { ENTPersonProfils => ['National_1', map { $_ x 60 } 'A' .. 'ZZ'] });
    for my $lang (\%french, \%english) {
        my $page = login((bless { which => 'default' }, 'Site'), 'trop', browser_options => $lang)->page;
        my $title = $lang == \%french ? 'Votre session n’a pas pu être ouverte' : 'Your session could not be opened';
        is $page->h1, $title, 'an identity too large';
        valid_ok($page, '... the page');
    }
    my $page = browser(%french)->fetch(at('default', '/ent/'), from => 'http://elsewhere.test/', dest => 'iframe');
    valid_ok($page, 'in a frame');
    is $page->header('content-security-policy'), $policy =~ s/'none'$/*/r, '... which may show it';
};

subtest 'addresses that are none' => sub {
    my @repeated = map { "/aten/$_" } 'login?to=/a&to=/a', 'login?profile=a&profile=a',
        'login?selection=a&x=1&selection=b',
        'login?switch=1&switch=1', 'cas?state=a&state=b', 'cas?ticket=ST-1&ticket=ST-1',
            'cas?ticket=ST-1&%74icket=ST-1', 'logout?to=/&to=/';
    my @malformed = map { "/aten/$_" } 'login?to=%', 'login?to=%zz', 'login?to=/%00', 'login?to=/%ff',
        'login?profile=%c3', 'logout?to=%2',
        'cas?state=%ff', 'cas?ticket=a b' =~ s/ /%20/r, 'cas?ticket=' . 'A' x 257, 'cas?ticket=';
    for my $path (@repeated, @malformed) {
        my $page = browser()->get(at('default', $path), follow => 0);
        is $page->status, 400, substr "$path: refused", 0, 60;
        is_deeply [$page->header_all('set-cookie')], [], '... no cookie';
    }
    $server->log_like(qr/auth_aten:info.*AT0103: a parameter stands twice in the request: selection/,
        'the log says which');
    $server->log_like(qr/auth_aten:info.*AT0104: a parameter of the request is malformed: to/, '... and which');
    my $script = browser()->fetch(at('default', $repeated[0]), from => at('default', '/'));
    is $script->json->{error}, 'AT0103', 'a script is told in JSON';
    for my $path ('/aten/login?x=1&x=2', '/aten/login?utm_source=a&utm_source=%zz', '/aten/login?&&',
        '/aten/login?=1&=2') {
        is browser()->get(at('default', $path))->status, 200, "$path: parameters of others are nothing to us";
    }
    for my $none (qw(x login/ login/x Login style.css/x cas/ login.html saml/acs index.html)) {
        my $page = browser()->get(at('default', "/aten/$none"));
        is $page->status, 404, "/aten/$none: no page of ours";
        is $page->h1, 'Cette page n’existe pas', '... says one of ours';
    }
    unlike browser()->get(at('default', '/atenx'))->body, qr/Espace numérique/,
        '/atenx is not below our path: httpd\'s own page';
};

subtest 'methods' => sub {
    for my $own (qw(/aten/login /aten/session /aten/style.css)) {
        my $page = browser(%french)->post_form(at('default', $own), { to => '/' }, from => at('default', '/'));
        is $page->status, 405, "POST $own: refused";
        is $page->header('allow') =~ /\bGET\b/ ? 1 : 0, 1, '... and what would be right';
        is $page->h1, 'Cette adresse n’est pas correcte', '... a page';
        like $page->text, qr/Cette adresse ne s’utilise pas de cette façon/, '... says why';
        valid_ok($page, '... the page');
    }
    my $page = browser()->post_form(at('default', '/aten/cas'), { logoutRequest => '<x/>' }, from => $cas->url);
    is $page->status, 400, 'POST to the CAS return address: what is no logout request is refused';
    is_deeply [$page->header_all('set-cookie')], [], '... and changes nothing';
    is browser()->post_form(at('default', '/aten/nothing'), {}, from => at('default', '/'))->status, 404,
        'a page that is not there stays so';
};

subtest 'the style sheet' => sub {
    my $page = browser()->get(at('default', '/aten/style.css'));
    is $page->status, 200, 'is there';
    is $page->header('content-type'), 'text/css; charset=utf-8', 'as a style sheet';
    is $page->header('cache-control'), 'public, max-age=86400', 'kept for a day';
    is $page->header('x-content-type-options'), 'nosniff', 'taken for nothing else';
    is_deeply [$page->header_all('set-cookie')], [], 'no cookie';
    is $page->header('vary'), undef, 'the same for everybody';
    like $page->body, qr/^[^{}]*:root\s*\{[^}]*--[\w-]+:/, 'its colours stand at its top';
    is(($page->body =~ tr/{//), ($page->body =~ tr/}//), 'as many ends as beginnings');
    unlike $page->body, qr/\@import|url\(|https?:/, 'nothing from elsewhere';
    is(browser()->get(at('default', '/aten/style.css?v=2'))->status, 200, 'with a query');
};

ok keys(%seen) > 24, keys(%seen) . ' different pages went through tidy';
$server->clean_log_ok(
    qr/AT0(?:108|109|111|134|200): /, qr/AT0401: the CAS server's answer puts user sans-profil/,
        qr/AH01631: user prof: .*"\/rights\/"/,
    qr/AtenBackendFrom \(profile \S+\): from 2017-02-2/, qr/AtenCASNotice \(\S+\): from 2017-02-20T/,
        qr/report-only, nobody is refused/,
);
done_testing;

# The whole way of a login through a real CAS server, as a browser goes it, and what a browser may do wrong on the way:
# tabs, the back button, late and repeated answers, no cookies; and what is no person at all.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::URL ();
use Digest::SHA ();
use HTTP::Tiny ();

need_module;

my $cas    = Aten::CAS->new;
my $second = Aten::CAS->new(host => 'sud.localhost');

# A virtual host of its own port. The name of its cookie is its own too: ports don't separate cookies.
sub host ($port, $lines) {
    return <<~"END";
        Listen 127.0.0.1:\@$port\@
        <VirtualHost 127.0.0.1:\@$port\@>
            ServerName localhost
            AtenSessionCookie \L$port\E
            AtenHome /accueil/
            ScriptAlias /accueil \@CGI\@/env
            ScriptAlias /ent     \@CGI\@/env
            ScriptAlias /public  \@CGI\@/env
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
            $lines
        </VirtualHost>
        END
}

my $config = join '', "Listen 127.0.0.1:\@PORT8\@\n", map { host(@$_) =~ s/^Listen .*:\@PORT\@\n//r } (
    [PORT => <<~'END'],
        AtenSessionCookie aten
        AtenCASServer @CAS@
        ScriptAlias /solo @CGI@/env
        <Location "/solo">
            AuthType aten
            Require valid-user
            AtenProfiles autres-publics
        </Location>
        END
    [PORT2 => "AtenCASServer \@CAS\@\nAtenCASProtocol 2"],
    [PORT3 => "AtenCASServer \@CAS\@\nAtenCASProtocol 1"],
    [PORT4 => "AtenCASServer \@CAS\@\nAtenCASProtocol saml1.1"],
    [PORT5 => <<~'END'],
        <AtenProfile nord>
            AtenLabel "Académies > Nord"
            AtenBackend cas @CAS@/
        </AtenProfile>
        <AtenProfile sud>
            AtenLabel "Académies > Sud"
            AtenBackend cas @SECOND@
            AtenHome /ent/sud
        </AtenProfile>
        END
    [PORT6 => <<~'END'],
        AtenCASServer      @CAS@
        AtenCASValidateURL @CAS@/serviceValidate
        AtenCASField       nom     nomAffiche sn
        AtenCASField       prenom  aucun
        AtenCASField       eleveId enfant
        AtenCASField       uai     etablissement
        AtenPopulation     parents ENTPersonProfils  Tuteur
        AtenPopulation     agents  role=personnel categorie "Agent de la collectivité" Autre
        END
    # Its home is a page that requires a login, and one profile is left.
    [PORT7 => "AtenCASServer \@CAS\@\nAtenHome /ent/chez-moi?a=1\nAtenCASCutoff off"],
);
utf8::encode($config);
my $server = Aten::Server->new(cas => $cas, at => time, vars => { SECOND => $second->url }, config => $config);

my %port = (3 => 'PORT', 2 => 'PORT2', 1 => 'PORT3', 'saml1.1' => 'PORT4', several => 'PORT5', fields => 'PORT6');
sub base ($which = 3) { return 'http://localhost:' . $server->var($port{$which}) }

# Where the chooser for that path stands; the site's address for login() of Aten::Test.
package Site {
    sub url ($self, $path, %option) { return main::base($self->{which}) . $path }
    sub cas ($self) { return $self->{cas} }
}
sub site ($which, $its_cas = $cas) { return bless { which => $which, cas => $its_cas }, 'Site' }

my $person = $cas->accounts;    # what the CAS server knows

# What the CAS server says of the login itself stands among the attributes.
my %of_the_login = map { ("ATEN_ATTR_$_" => 1) }
    qw(authenticationDate isFromNewLogin longTermAuthenticationRequestTokenUsed);
sub identity ($page) {
    my $identity = identity_of($page);
    return { map { $_ => $identity->{$_} } grep { !$of_the_login{$_} } keys %$identity };
}

sub user ($page) { return identity_of($page)->{REMOTE_USER} }

# The tickets that a server was asked about, by address of the call.
sub validated ($which = $cas) {
    return map { m{"GET (/cas/\S*?)\?(\S+)} ? { path => $1, query => $2 } : () } $which->validations;
}
sub asked_about ($ticket, $which = $cas) { return scalar grep { index($_->{query}, $ticket) >= 0 } validated($which) }

sub ticket_of ($url) { return $url =~ /[?&]ticket=([^&]+)/ ? $1 : undef }
sub pending ($browser) { return grep { $_->{name} =~ /^(?:aten|port\d)-login-/ } $browser->jar->all }

# Up to the address by which the CAS server sends the person back; it is not asked for yet.
sub begun ($browser, $to, %option) {
    my $until = sub ($address) { ticket_of($address) };
    $browser->get(base() . '/aten/login?profile=autres-publics&to=' . Aten::URL::escape($to), until => $until);
    $browser->submit({ username => $option{as} // 'prof', password => 'demo' }, until => $until)
        if !$browser->page->location;
    return $browser->page->location // die 'no ticket: ' . $browser->page->text;
}

# --- who it is ---

# The identity table of DESIGN, for the accounts of the demo. CAS tells neither the pupil's id nor the degree.
my @people = (
    ['eleve', 'a pupil: apostrophe, accents', {
        ATEN_ROLE => 'eleve', ATEN_ROLES => 'eleve', ATEN_NOM => "L'Hérault", ATEN_PRENOM => 'Zoé',
        ATEN_UAI => '0340039X', ATEN_ELEVE_ID => '', ATEN_DEGRE => '', ATEN_ATTR_sn => "L'Hérault",
        ATEN_ATTR_givenName => 'Zoé', ATEN_ATTR_ENTPersonProfils => 'National_1',
        ATEN_ATTR_ENTPersonStructRattachRNE => '0340039X',
    }],
    ['parent', 'a parent of children in two schools', {
        ATEN_ROLE => 'parent', ATEN_ROLES => 'parent', ATEN_NOM => "L'Hérault-Müller", ATEN_PRENOM => 'Françoise',
        ATEN_UAI => '0340039X;0340042A', ATEN_ELEVE_ID => ';', ATEN_DEGRE => ';', ATEN_ATTR_sn => "L'Hérault-Müller",
        ATEN_ATTR_givenName => 'Françoise', ATEN_ATTR_ENTPersonProfils => 'National_2',
        ATEN_ATTR_ENTPersonStructRattachRNE => '0340039X;0340042A',
    }],
    ['prof', 'a teacher', {
        ATEN_ROLE => 'personnel', ATEN_ROLES => 'personnel', ATEN_NOM => "D'Aubigné", ATEN_PRENOM => 'André',
        ATEN_UAI => '0340039X', ATEN_ELEVE_ID => '', ATEN_DEGRE => '', ATEN_ATTR_sn => "D'Aubigné",
        ATEN_ATTR_givenName => 'André', ATEN_ATTR_ENTPersonProfils => 'National_3',
        ATEN_ATTR_ENTPersonStructRattachRNE => '0340039X', ATEN_ATTR_mail => 'andre.d-aubigne@ac.example',
    }],
    ['prof-parent', 'a teacher who is a parent: staff first', {
        ATEN_ROLE => 'personnel', ATEN_ROLES => 'personnel;parent', ATEN_NOM => 'Lefèvre', ATEN_PRENOM => 'Maëlys',
        ATEN_UAI => '0340042A;0340039X', ATEN_ELEVE_ID => ';', ATEN_DEGRE => ';', ATEN_ATTR_sn => 'Lefèvre',
        ATEN_ATTR_givenName => 'Maëlys', ATEN_ATTR_ENTPersonProfils => 'National_3;National_2',
        ATEN_ATTR_ENTPersonStructRattachRNE => '0340042A;0340039X',
    }],
    ['sans-profil', 'somebody without a population: no role', {
        ATEN_NOM => 'Gœury', ATEN_PRENOM => 'Jérôme', ATEN_UAI => '0340039X', ATEN_ELEVE_ID => '', ATEN_DEGRE => '',
        ATEN_ATTR_sn => 'Gœury', ATEN_ATTR_givenName => 'Jérôme', ATEN_ATTR_ENTPersonStructRattachRNE => '0340039X',
    }],
    ['odd', 'separators, markup, several values, an attribute with a dot', {
        ATEN_ROLE => 'parent', ATEN_ROLES => 'parent;eleve', ATEN_NOM => 'de;La "Tour" <&>', ATEN_PRENOM => '李 \\ é',
        ATEN_UAI => '0340039X;0340039X;0340042A', ATEN_ELEVE_ID => ';;', ATEN_DEGRE => ';;',
        ATEN_ATTR_sn => 'de\\;La "Tour" <&>', ATEN_ATTR_givenName => '李 \\ é',
        ATEN_ATTR_ENTPersonProfils => 'National_TUT;National_1',
        ATEN_ATTR_ENTPersonStructRattachRNE => '0340039X;0340039X;0340042A',
        ATEN_ATTR_a_b_c => 'x\\;y;\\;;z', ATEN_ATTR_un => "l'été=à%20",
    }],
);
$cas->set_account(odd => {
    sn => 'de;La "Tour" <&>', givenName => '李 \\ é', ENTPersonProfils => ['National_TUT', 'National_1'],
    ENTPersonStructRattachRNE => [qw(0340039X 0340039X 0340042A)], 'a-b.c' => ['x;y', ';', 'z'], un => "l'été=à%20",
});

for my $row (@people) {
    my ($name, $why, $identity) = @$row;
    subtest "$name: $why" => sub {
        my $browser = browser();
        my $to      = '/ent/caf%C3%A9?q=a+b%26c&l=%C3%A9&vide=';
        for my $protocol (3, 2, 1, 'saml1.1') {
            my $before = validated();
            login(site($protocol), $name, browser => $browser, to => $to, via => 'page');
            is $browser->url, base($protocol) . $to, "protocol $protocol: back at the page, query and all"
                or diag $browser->page->text;
            my %expected = (
                REMOTE_USER => $name, AUTH_TYPE => 'aten', ATEN_BACKEND => 'cas', ATEN_PROFILE => 'autres-publics',
                $protocol eq 1 ? () : %$identity,
            );
            is_deeply identity($browser), \%expected, "protocol $protocol: who it is";
            is validated() - $before, 1, 'one call' if $protocol ne 'saml1.1';
        }
        my %paths = map { $_->{path} => 1 } validated();
        ok $paths{$_}, "asked at $_" for qw(/cas/p3/serviceValidate /cas/serviceValidate /cas/validate);
    };
}
like $cas->log, qr{"POST /cas/samlValidate\?TARGET=}, 'and at /cas/samlValidate';

# --- the way, step by step ---

subtest 'from the page to CAS and back' => sub {
    my $browser = browser();
    my $page    = $browser->get(base() . '/ent/page?a=1&b=2');
    is join(' ', map { $_->{status} } $page->redirects), '303', 'one redirect to the chooser';
    is $page->url, base() . '/aten/login?to=%2fent%2fpage%3fa%3d1%26b%3d2', 'which is told the page';
    is $page->h1, 'Indiquez votre profil', 'the chooser';
    is scalar(() = $browser->jar->all), 0, 'who only looks at it gets no cookie';

    $page = $browser->click('Autres publics');
    is join(' ', map { $_->{status} } $page->redirects), '303', 'a choice: one redirect to the CAS server';
    my $query = $page->url =~ m{^\Q@{[ $cas->url ]}\E/login\?service=([^&]+)$} ? $1 : '';
    my ($service) = map { s/%([0-9a-f]{2})/chr hex $1/gier } $query;
    like $service, qr{^\Q@{[ base() ]}\E/aten/cas\?state=[\w-]{22}\.0\.autres-publics$},
        'with the service address, escaped';
    my ($cookie, @more) = $browser->jar->all('localhost');
    ok !@more && $cookie->{name} =~ /^aten-login-\d+$/, 'one cookie: the login that is under way';
    like $cookie->{text}, qr{^aten-login-\d+=[\w-]+; Path=/; Max-Age=14400; HttpOnly; SameSite=Lax$},
        'as it is written';
    ok length($cookie->{value}) < 256, 'a short one: ' . length $cookie->{value};

    $page = $browser->submit({ username => 'prof', password => 'demo' });
    my @redirects = $page->redirects;
    is join(' ', map { $_->{status} } @redirects), '302 303', 'after the password: CAS, we, the page';
    like $redirects[0]{to}, qr/^\Q$service\E&ticket=ST-/, 'CAS leads to the service address';
    is $redirects[1]{to}, base() . '/ent/page?a=1&b=2', 'we to the page';
    my $answer = $redirects[1]{page};
    is $answer->header('cache-control'), 'no-store', 'the answer to a ticket is stored nowhere';
    is $answer->header('referrer-policy'), 'no-referrer', 'nor does the address with the ticket go anywhere';
    my @set = $answer->header_all('set-cookie');
    is scalar(@set), 2, 'two cookies:';
    like $set[0], qr{^\Q$cookie->{name}\E=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax$},
        'the login that was under way is gone';
    like $set[1], qr{^aten=[\w-]+; Path=/; HttpOnly; SameSite=Lax$}, 'the session ends with the browser';
    is user($browser), 'prof', 'in';
    is_deeply [$browser->jar->refused], [], 'every cookie was one that a browser takes';
    $browser->get(base() . '/ent/other');
    is user($browser), 'prof', 'and stays in';
    ok !env_of($browser->get(base() . '/public/'))->{REMOTE_USER}, 'a public page is told nothing';
};

subtest 'from the button' => sub {
    my @cases = (
        ['/aten/login?to=%2Fent%2Fx%3Fy', '/ent/x?y', 'to a page'],
        ['/aten/login',                   '/accueil/', 'to nothing: AtenHome'],
        ['/aten/login?to=',               '/accueil/', 'to nothing at all: AtenHome'],
        ['/aten/login?to=//evil.example', '/accueil/', 'elsewhere: AtenHome'],
        ['/aten',                         '/accueil/', 'the pages\' own root'],
        ['/aten/',                        '/accueil/', '... with a slash'],
    );
    my $browser = browser();
    for my $case (@cases) {
        my ($from, $to, $why) = @$case;
        $browser->get(base() . $from);
        is $browser->page->h1, 'Indiquez votre profil', "$from: the chooser";
        $browser->click('établissement Education Nationale');
        $browser->submit({ username => 'prof', password => 'demo' }) if $browser->page->forms;
        is $browser->url, base() . $to, $why;
        ok reached($browser), 'which is there';
        ok $browser->jar->find('aten'), 'with a session';
        $browser->jar->delete('aten');
    }
    my $home = browser();
    $home->get('http://localhost:' . $server->var('PORT7') . '/aten/login?profile=autres-publics');
    $home->submit({ username => 'eleve', password => 'demo' });
    is $home->url, 'http://localhost:' . $server->var('PORT7') . '/ent/chez-moi?a=1', 'a home that is protected';
    is user($home), 'eleve', 'and knows who comes';
};

subtest 'deep links' => sub {
    my $cas_login = qr{^\Q@{[ $cas->url ]}\E/login\?service=};
    my $state     = sub ($page) { $page->url =~ /%3fstate%3d[\w-]{22}\.0\.([\w-]+)/ ? $1 : undef };
    for my $name (qw(profile selection)) {
        for my $id (qw(eleves-parents autres-publics)) {
            my $page = browser()->get(base() . "/aten/login?to=/ent/x&$name=$id");
            like $page->url, $cas_login, "$name=$id: straight to the CAS server";
            is $state->($page), $id, '... by this profile';
        }
    }
    my $page = browser()->get(base() . '/aten/login?selection=eleves-parents&profile=autres-publics');
    is $state->($page), 'autres-publics', 'both: our own name wins';
    for my $id ('personne', '', 'Autres-Publics', 'autres-publics ', "'\"<b>") {
        $page = browser()->get(base() . '/aten/login?to=/ent/x&profile=' . Aten::URL::escape($id));
        is $page->status, 200, "profile '$id', which nobody has";
        like $page->text, qr/nomme un profil qui n’existe pas ici/, '... is said on the chooser';
        ok $page->link(qr{profile=autres-publics}), '... which offers the others';
        unlike $page->html, qr/<b>/, '... and repeats nothing';
    }
    $page = browser()->get(base() . '/aten/login?to=/solo/&profile=eleves-parents');
    like $page->text, qr/nomme un profil qui n’existe pas ici/, 'a profile that the path does not have';
    $page = browser()->get(base() . '/solo/?x', until => sub ($address) { $address =~ $cas_login });
    like $page->location, $cas_login, 'the only profile of a path: straight to the CAS server';
    my $browser = browser();
    $browser->get(base('several') . '/aten/login?profile=sud');
    $browser->submit({ username => 'eleve', password => 'demo' });
    is $browser->url, base('several') . '/ent/sud', 'AtenHome of a profile, where nothing was asked for';
    $browser->jar->delete('port5');
    $browser->get(base('several') . '/aten/login');
    $browser->click('Sud');
    is $browser->url, base('several') . '/ent/sud', '... by the chooser too';
    $browser->jar->delete('port5');
    $browser->get(base('several') . '/aten/login?profile=sud&to=/public/');
    is $browser->url, base('several') . '/public/', 'but not where something was';
};

# --- somebody is connected already ---

subtest 'already connected' => sub {
    my $browser = login(site(3), 'prof');
    my $cookie  = $browser->jar->find('aten')->{value};
    my $count   = validated();
    my $page    = $browser->get(base() . '/aten/login?to=/ent/y&profile=autres-publics');
    is join(' ', map { $_->{to} } $page->redirects), base() . '/ent/y', 'by this profile: straight there';
    is validated(), $count, 'the CAS server is not asked';
    $page = $browser->get(base() . '/aten/login?to=/ent/y');
    like $page->text, qr/Une personne est déjà connectée : André D'Aubigné/, 'the chooser says who';
    $page = $browser->click('Continuer avec ce compte');
    is $page->url, base() . '/ent/y', 'to go on';
    is user($page), 'prof', '... as oneself';
    is $browser->jar->find('aten')->{value}, $cookie, 'the session was left alone';

    $browser->get(base() . '/aten/login?to=/ent/y&profile=eleves-parents');
    is identity($browser)->{ATEN_PROFILE}, 'eleves-parents', 'another profile: another login';
    is validated(), $count + 1, '... that the CAS server answers by itself';
    isnt $browser->jar->find('aten')->{value}, $cookie, '... and another session in its place';
    is scalar(grep { $_->{name} eq 'aten' } $browser->jar->all), 1, '... one';
};

subtest 'switch=1: another person' => sub {
    my $browser = login(site(3), 'prof');
    my $foreign = 'http://elsewhere.test/page';
    my $to_cas  = sub ($to) { index($to, $cas->url) == 0 };
    for my $address ('/aten/login?switch=1', '/aten/login?switch=1&to=/ent/&profile=autres-publics') {
        my $page = $browser->get(base() . $address, from => $foreign, until => $to_cas);
        is_deeply [$page->header_all('set-cookie')], [], "from a page elsewhere, $address: no cookie changes";
        unlike $page->html . ($page->location // ''), qr/profile=[\w-]+&amp;switch=1|renew=/,
            '... and nobody is asked again';
    }
    $browser->get(base() . '/ent/');
    is user($browser), 'prof', '... nor is the session over';

    $browser->get(base() . '/aten/login?to=/ent/z');
    my $page = $browser->click('Ce n’est pas vous ? Changez de compte');
    is_deeply [$page->header_all('set-cookie')], ['aten=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'],
        'on our own page: the session cookie goes';
    ok !$browser->jar->find('aten'), '... and is gone';
    unlike $page->text, qr/déjà connectée/, 'nobody is connected any more';
    is $page->status, 200, 'the chooser';
    $page = $browser->click('Autres publics');
    like $page->url, qr{^\Q@{[ $cas->url ]}\E/login\?service=[^&]+&renew=true$}, 'renew is asked of the CAS server';
    ok $page->form(0), 'which asks for the password, though it has a session of its own';
    $browser->submit({ username => 'eleve', password => 'demo' });
    is user($browser), 'eleve', 'somebody else';
    is $browser->url, base() . '/ent/z', 'at the page';
    like((validated())[-1]{query}, qr/(?:^|&)renew=true(?:&|$)/, 'and the ticket had to come from a password');

    $browser->get(base() . '/aten/login?switch=1&profile=autres-publics&to=/ent/');
    ok !$browser->jar->find('aten'), 'straight to a profile: the cookie is gone';
    like $browser->url, qr/&renew=true$/, '... renew is asked';
    is scalar(pending($browser)), 1, '... and one login is under way';
    $browser->get(base() . '/aten/login?switch=0');
    $browser->get(base() . '/aten/login?switch=1');
    is_deeply [$browser->page->header_all('set-cookie')], [], 'without a session there is no cookie to take away';
};

# A ticket that came without a password, for a login that asked for one.
subtest 'renew is not left to the CAS server' => sub {
    my $browser = login(site(3), 'prof');
    $browser->get(base() . '/aten/login?switch=1&profile=autres-publics&to=/ent/');
    my $back = $browser->get($browser->url =~ s/&renew=true//r, until => sub ($to) { ticket_of($to) })->location;
    ok $back, 'the CAS server gives a ticket of its session where renew is taken out of the address';
    my $page = $browser->get($back, until => sub ($to) { $to =~ m{/cas/login} });
    ok !$browser->jar->find('aten'), 'which gives no session';
};

# --- tabs ---

sub land ($browser, $back, $to) {
    my $page = $browser->tab->get($back);
    is $page->url, base() . $to, "$to: its own page";
    is user($page), 'prof', '... in';
    return $page;
}

subtest 'two tabs' => sub {
    for my $order ([0, 1], [1, 0]) {
        my $browser = browser();
        my @to      = ('/ent/one?a', '/ent/two?b');
        my @back    = map { begun($browser->tab, $_) } @to;
        land($browser, $back[$_], $to[$_]) for @$order;
        is scalar(pending($browser)), 0, 'nothing is under way any more';
    }
};

subtest 'ten tabs' => sub {
    for my $order ([0 .. 9], [reverse 0 .. 9], [5, 0, 9, 2, 7, 4, 1, 8, 3, 6]) {
        my $browser = browser();
        my @to      = map { "/ent/tab-$_" } 0 .. 9;
        my @back    = map { begun($browser->tab, $_) } @to;
        my @wrong   = grep { $browser->tab->get($back[$_])->url ne base() . $to[$_] } @$order;
        is "@wrong", '', "each lands on its own page, ended as @$order";
        is scalar(pending($browser)), 0, 'nothing is under way any more';
    }
};

subtest 'more tabs than there is room for' => sub {
    my $browser = browser();
    my @to      = map { "/ent/tab-$_" } 0 .. 24;
    my @back    = map { begun($browser->tab, $_) } @to;
    my $length  = 0;
    $length += length("$_->{name}=$_->{value}; ") for $browser->jar->all('localhost');
    cmp_ok $length, '<', 4000, "the cookies are bounded ($length bytes)";
    my $last = land($browser, $back[24], $to[24]);
    my $page = $browser->tab->get($back[0]);
    is $page->url, base() . '/accueil/', 'the oldest is forgotten: to the home page';
    ok !asked_about(ticket_of($back[0])), '... and its ticket is not used';
    land($browser, $back[23], $to[23]);
    is $browser->tab->get($back[$_])->status, 200, "tab $_ is no error" for 1 .. 22;
};

# --- back, again, late, elsewhere ---

subtest 'the back button and reloads' => sub {
    my $browser = browser();
    my $back    = begun($browser, '/ent/a');
    $browser->get($back);
    my $count = validated();
    for my $again (1, 2) {
        my $page = $browser->get($back);
        is $page->url, base() . '/accueil/', "the CAS return address again, $again: the session goes on";
        is $page->status, 200, '... no error';
    }
    is validated(), $count, 'nothing is asked';
    $browser->get(base() . '/ent/a');
    is user($browser), 'prof', 'still in';

    # Back to the form of the CAS page, and sent once more: the CAS server makes another ticket for the same state.
    my $form = browser();
    $form->get(base() . '/aten/login?profile=autres-publics&to=/ent/b');
    my $at_form = $form->tab;
    $at_form->get($form->url);
    $form->submit({ username => 'prof', password => 'demo' });
    is $form->url, base() . '/ent/b', 'a login';
    my $page = $at_form->submit({ username => 'prof', password => 'demo' });
    is $page->status, 200, 'its form sent again: no error';
    is $page->url, base() . '/accueil/', '... the session goes on';

    $form->jar->delete('aten');
    $page = $form->get($back);
    is scalar(grep { $_->{to} =~ m{/cas/login\?} } $page->redirects), 1, 'without a session: one fresh request';
    is $page->url, base() . '/accueil/', '... to the home page';
    ok $form->jar->find('aten'), '... and in';
    is asked_about(ticket_of($back)), 1, 'no ticket was asked about twice';
};

subtest 'a late answer' => sub {
    my $start = time;
    for my $late (599, 600, 7200) {
        my $browser = browser();
        $server->hold_time($start);
        my $back = begun($browser, '/ent/late?x');
        $server->hold_time($start + $late);
        my $page = $browser->get($back);
        is $page->url, base() . '/ent/late?x', "$late s: at the page all the same";
        is user($page), 'prof', '... in';
        my $good = $late < 600 ? 1 : 0;
        is asked_about(ticket_of($back)), $good, $good ? '... by this ticket' : '... by a fresh one';
        is scalar(grep { $_->{to} =~ m{/cas/login\?} } $page->redirects), 1 - $good, '... and no more than one';
        is scalar(pending($browser)), 0, '... nothing is under way';
    }
    $server->set_time($start);
};

subtest 'in another browser' => sub {
    my $back   = begun(browser(), '/ent/mine', as => 'prof');
    my $victim = login(site(3), 'eleve');
    my $before = $victim->jar->find('aten')->{value};
    my $page   = $victim->get($back, from => 'http://elsewhere.test/');
    is $victim->jar->find('aten')->{value}, $before, 'a live session is not replaced';
    is $page->url, base() . '/accueil/', '... and goes on at the home page';
    $victim->jar->delete('aten');
    $victim->get($back, from => 'http://elsewhere.test/');
    is $victim->fetch(base() . '/aten/session')->json->{user}, 'eleve', 'without a session: in as oneself';
    $victim->jar->delete(qr/./);
    $page = $victim->get($back);
    ok $page->form(0), 'without a session of the CAS server: its form';
    is asked_about(ticket_of($back)), 0, 'the ticket of the other goes nowhere';
    is $victim->jar->find('aten'), undef, 'and gives nothing';
};

subtest 'a bookmark of the CAS page' => sub {
    my $first = browser();
    my $form  = login_page(site(3), browser => $first, to => '/ent/marked')->url;
    login(site(3), 'prof', browser => $first);
    my @cases = (
        [$first->close, '/ent/marked', 0, 'the same browser, closed in between'],
        [$first->close, '/accueil/',   1, '... once more'],
        [browser(),     '/accueil/',   1, 'another one'],
    );
    for my $case (@cases) {
        my ($browser, $to, $fresh, $why) = @$case;
        $browser->close;
        my $page = $browser->get($form);
        ok $page->form(0), "$why: the CAS page is there";
        $page = $browser->submit({ username => 'eleve', password => 'demo' });
        is $page->status, 200, '... the login ends in no error';
        is $page->url, base() . $to, '... at ' . ($fresh ? 'the home page' : 'the page that was asked for then');
        is $browser->fetch(base() . '/aten/session')->json->{user}, 'eleve', '... and in';
        is scalar(grep { $_->{to} =~ m{/cas/login\?} } $page->redirects), $fresh, "... by $fresh fresh requests";
        unlike $page->url, qr/ticket=/, '... and no ticket in the address';
    }
};

subtest 'no ticket' => sub {
    my $browser = login_page(site(3), to => '/ent/turned?x');
    my ($state) = $browser->url =~ /state%3d([\w.-]+)/;
    my $page = $browser->get(base() . "/aten/cas?state=$state");
    is $page->url, base() . '/aten/login?to=%2fent%2fturned%3fx', 'the person turned round: the chooser, for the page';
    is scalar(pending($browser)), 0, 'this login is over';
    my $connected = login(site(3), 'prof');
    $page = $connected->get(base() . '/aten/cas');
    is $page->url, base() . '/accueil/', 'the bare address under a session: the home page';
    $page = browser()->get(base() . '/aten/cas');
    is $page->url, base() . '/aten/login?to=%2faccueil%2f', '... and without: the chooser';
};

# --- no cookies ---

subtest 'a browser that refuses our cookies' => sub {
    my $browser = browser();
    no warnings 'redefine';
    my $take = \&Aten::Jar::take;
    local *Aten::Jar::take = sub ($jar, $request, $text) {
        return if Aten::URL::parse_url($request->{url})->{host} eq 'localhost';
        return $take->($jar, $request, $text);
    };
    my $mark = $server->log->mark;
    my $page = login(site(3), 'prof', browser => $browser, via => 'page')->page;
    for my $round (1 .. 3) {
        is $page->status, 400, "round $round: ends in a page";
        is $page->h1, 'Votre navigateur semble refuser les cookies', '... that says so';
        my @trips = grep { $_->{to} =~ m{/cas/login\?} } $page->redirects;
        cmp_ok scalar(@trips), '<=', 2, '... after ' . @trips . ' trips';
        like $page->text, qr/cookies.*réglages|réglages.*cookies/, '... and what to do';
        my ($reference) = $page->text =~ /Référence à donner.*?: ([0-9a-f]{10})/;
        $server->log_like(qr/AT0107: .*\(reference \Q$reference\E\)/,
            '... with a reference that stands in the log', $mark);
        ok !$page->too_many_redirects, '... no loop';
        $browser->click('Réessayer');
        $page = $browser->click('Autres publics');
    }
    ok !grep({ $_->{name} =~ /^aten/ } $browser->jar->all), 'no cookie was kept';
    is $browser->get(base() . '/aten/cas?state=' . 'A' x 22 . '.1.autres-publics')->status, 400,
        'the same without a ticket';
};

# --- no person ---

my $client = HTTP::Tiny->new(max_redirect => 0, timeout => 10, no_proxy => ['*'], verify_SSL => 1);

# One request with these headers and no others.
sub ask ($method, $url, %headers) {
    my $answer = $client->request($method, $url, { headers => \%headers, peer => '127.0.0.1' });
    return Aten::Page->new($url, $answer, {});
}

my $html  = 'text/html,application/xhtml+xml,*/*;q=0.8';
my $form  = 'application/x-www-form-urlencoded';
my @asked = (
    ['GET',     {},                                                             'script', 'curl, as it comes'],
    ['GET',     { accept => '*/*' },                                            'script', 'anything will do'],
    ['GET',     { accept => 'application/json' },                               'script', 'wants JSON'],
    ['GET',     { accept => $html },                                            'person', 'an old browser'],
    ['HEAD',    { accept => $html },                                            'person', '... that wants to know'],
    ['GET',     { accept => $html, 'x-requested-with' => 'XMLHttpRequest' },    'script', 'an old script'],
    ['POST',    { accept => $html, 'content-type' => $form },                   'person', 'a form'],
    ['POST',    { accept => $html, 'content-type' => 'multipart/form-data; boundary=x' }, 'person',
        'a form with files'],
    ['POST',    { accept => $html, 'content-type' => 'text/plain' },            'person', 'a form as text'],
    ['POST',    { accept => $html, 'content-type' => 'application/json' },      'script', 'no form'],
    ['POST',    { accept => $html },                                            'script', 'no form either'],
    ['PUT',     { accept => $html, 'content-type' => $form },                   'script', 'no method of a person'],
    ['DELETE',  { accept => $html },                                            'script', 'nor this'],
    ['PROPFIND', { accept => $html },                                           'script', 'nor this'],
    ['OPTIONS', { accept => $html },                                            'script', 'a script\'s question'],
    ['OPTIONS', { origin => 'http://elsewhere.test', 'access-control-request-method' => 'POST' }, 'script',
        'its real form'],
    ['GET',     { 'sec-fetch-mode' => 'navigate', 'sec-fetch-dest' => 'document' }, 'person', 'a browser that says so'],
    ['GET',     { 'sec-fetch-mode' => 'navigate', 'sec-fetch-dest' => 'document',
                  'x-requested-with' => 'org.example.app' }, 'person', '... inside an application'],
    ['GET',     { 'sec-fetch-mode' => 'navigate' },                             'script', 'says it by half'],
    ['GET',     { 'sec-fetch-mode' => 'navigate', 'sec-fetch-dest' => 'iframe', accept => $html }, 'frame', 'a frame'],
    ['GET',     { 'sec-fetch-mode' => 'navigate', 'sec-fetch-dest' => 'frame', accept => $html }, 'frame',
        'an old frame'],
    ['GET',     { 'sec-fetch-mode' => 'navigate', 'sec-fetch-dest' => 'object', accept => $html }, 'frame',
        'an object'],
    ['GET',     { 'sec-fetch-mode' => 'navigate', 'sec-fetch-dest' => 'embed', accept => $html }, 'frame',
        'an embedded one'],
    ['GET',     { 'sec-fetch-mode' => 'cors', 'sec-fetch-dest' => 'empty', accept => $html }, 'script', 'fetch()'],
    ['GET',     { 'sec-fetch-mode' => 'same-origin', 'sec-fetch-dest' => 'empty', accept => $html }, 'script',
        'fetch() here'],
    ['GET',     { 'sec-fetch-mode' => 'no-cors', 'sec-fetch-dest' => 'image' }, 'script', 'an image'],
    ['GET',     { 'sec-fetch-mode' => 'no-cors', 'sec-fetch-dest' => 'script', accept => $html }, 'script',
        'a <script>'],
    ['GET',     { 'sec-fetch-mode' => 'websocket', 'sec-fetch-dest' => 'websocket', accept => $html }, 'script',
        'a socket'],
);
subtest 'who is a person' => sub {
    for my $row (@asked) {
        my ($method, $headers, $who, $why) = @$row;
        my $page = ask($method, base() . '/ent/x?y', %$headers);
        my $is   = $page->status == 303 && $page->location eq base() . '/aten/login?to=%2fent%2fx%3fy' ? 'person'
            : $page->status == 401 && ($page->header('content-type') // '') eq 'application/json' ? 'script'
            : $page->status == 401 && $page->html =~ /target="_top"/ ? 'frame' : $page->status . ' ' . $page->body;
        is $is, $who, join ' ', $method, $why, map { "$_: $headers->{$_}" } sort keys %$headers;
        is_deeply [$page->header_all('set-cookie')], [], '... gets no cookie';
        ok !reached($page), '... the application sees nothing of it';
        is $page->header('www-authenticate'), $who eq 'person' ? undef : 'Aten', '... the scheme';
    }
};

subtest 'a script' => sub {
    my $page = ask('GET', base() . '/ent/x?y=1&z');
    is $page->status, 401, 'is refused';
    my $json = $page->json;
    is_deeply [sort keys %$json], [qw(error login message reference)], 'JSON';
    is $json->{error}, 'AT0406', 'why';
    is $json->{login}, base() . '/aten/login?to=%2fent%2fx%3fy%3d1%26z', 'where a person could log in';
    like $json->{reference}, qr/^[0-9a-f]{10}$/, 'a reference';
    $server->log_like(qr/auth_aten:debug.*AT0406: no session \(reference \Q$json->{reference}\E\)/,
        '... that stands in the log');
    is $page->header('cache-control'), 'no-store', 'kept by nobody';
    is $page->header('x-content-type-options'), 'nosniff', 'and taken for nothing else';

    my $browser = login(site(3), 'prof', to => '/ent/');
    $browser->get(base() . '/aten/login?to=/ent/');
    is user($browser->fetch(base() . '/ent/data', from => base() . '/ent/')), 'prof',
        'a script of a page with a session is let in';
    my $foreign = $browser->fetch(base() . '/ent/data', from => 'http://elsewhere.test/', credentials => 'include');
    is $foreign->status, 401, 'one of a page elsewhere is not: it brings no cookie';
    is $foreign->header('access-control-allow-origin'), undef, 'nor may it read the answer';
};

subtest 'inside a frame' => sub {
    my $browser = browser();
    my $page    = $browser->fetch(base() . '/ent/x?y', from => 'http://elsewhere.test/', dest => 'iframe');
    is $page->status, 401, 'is refused';
    is $page->h1, 'La connexion s’ouvre dans toute la fenêtre', 'a page';
    my ($link, @more) = $page->links;
    is $link->{href}, '/aten/login?to=%2fent%2fx%3fy', 'with one link';
    is scalar(@more), 0, '... one';
    is $link->{attributes}{target}, '_top', 'to the top';
    like $page->header('content-security-policy'), qr/frame-ancestors \*/, 'a frame may show it';
    is $page->header('x-frame-options'), undef, '... with nothing that says otherwise';
    my $chooser = $browser->get(base() . '/aten/login');
    like $chooser->header('content-security-policy'), qr/frame-ancestors 'none'/, 'none may show the chooser';
    is $chooser->header('x-frame-options'), 'DENY', '... in no browser';
    # The page of a frame under a session is the application's affair; its cookie comes with frames of this site alone.
    my $inside = login(site(3), 'prof');
    is user($inside->fetch(base() . '/ent/', from => base() . '/', dest => 'iframe')), 'prof',
        'a frame of our own is let in';
};

subtest 'a form without a session' => sub {
    my $browser = browser();
    my $form    = base() . '/ent/form';
    my $page    = $browser->post_form("$form?x=1", { a => 'b' }, from => $form, follow => 0);
    is $page->status, 303, 'a redirect that makes a GET of it';
    is $page->location, base() . '/aten/login?to=%2fent%2fform%3fx%3d1', 'to the chooser, for the form\'s address';
    ok !reached($page), 'the application got nothing';
    $page = login(site(3), 'prof', browser => $browser, to => '/ent/form?x=1')->page;
    is env_of($page)->{REQUEST_METHOD}, 'GET', 'after the login: a GET';
    is body_of($page), '', '... of nothing: the form is not sent by itself';
    $page = $browser->post_form("$form?x=1", { a => 'b' }, from => $form);
    is body_of($page), 'a=b', 'under the session it gets through';
    is user($page), 'prof', '... as oneself';
};

subtest 'HEAD' => sub {
    my %accept = (accept => $html);
    my $page   = ask('HEAD', base() . '/ent/x', %accept);
    is $page->body, '', 'of a protected page: no body';
    is $page->status, 303, '... the same redirect';
    for my $own ('/aten/login?to=/ent/', '/aten/session', '/aten/style.css') {
        my ($head, $get) = map { ask($_, base() . $own, %accept) } qw(HEAD GET);
        is $head->status, 200, "$own: 200";
        is $head->body, '', '... no body';
        is $head->header($_), $get->header($_), "... $_ as by GET" for qw(content-length content-type cache-control);
        is $head->header('content-length'), length $get->body, '... and right';
    }
    my $browser = browser();
    my $back    = begun($browser, '/ent/head');
    my $count   = () = validated();
    for (1, 2) {
        my $head = $browser->head($back);
        is $head->status, 405, 'of the CAS return address: refused';
        is_deeply [$head->header_all('set-cookie')], [], '... nothing is taken away';
    }
    is scalar(() = validated()), $count, '... nobody is asked';
    is $browser->get($back)->url, base() . '/ent/head', '... and the GET after it gets in';
    is $browser->head(base() . '/aten/logout')->status, 405, 'of the logout: refused';
    my $in = $browser->head(base() . '/ent/');
    is $in->status, 200, '... so that the session goes on';
    is $in->body, '', '... and HEAD of a page has no body';
};

subtest 'OPTIONS, and other methods' => sub {
    for my $own (qw(/aten/login /aten/cas /aten/logout /aten/session /aten/style.css)) {
        for my $method (qw(OPTIONS PUT DELETE PROPFIND)) {
            my $page = ask($method, base() . $own, accept => $html);
            is $page->status, 405, "$method $own: 405";
            like $page->header('allow'), qr/\bGET\b/, '... and what would be right';
            is_deeply [$page->header_all('set-cookie')], [], '... no cookie';
        }
    }
    is ask('OPTIONS', base() . '/public/x')->status, 200, 'a public page is the application\'s affair';
    like raw_request($server->port, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        qr{^HTTP/1.1 200 },
        'so is the server as a whole';
    unlike raw_request($server->port, "TRACE /ent/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        qr/X-Answered-By/i, 'TRACE is answered by httpd itself, before any protection, with what it was asked';
};

# --- out, and who am I ---

subtest 'logout' => sub {
    my $browser = login(site(3), 'prof');
    my $page    = $browser->get(base() . '/aten/logout');
    my ($first, @rest) = $page->redirects;
    is $first->{status}, 303, 'a redirect';
    my $back = lc Aten::URL::escape(base() . '/aten/cas?logout=');
    like $first->{to}, qr{^\Q@{[ $cas->url ]}/logout?service=$back\E[\w-]{22}$}, 'to the logout of the CAS server';
    is_deeply [grep { !/^aten-logout=/ } $first->{page}->header_all('set-cookie')],
        ['aten=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'], 'the session cookie goes';
    ok !$browser->jar->find('aten'), '... and is gone';
    like $page->url, qr{/aten/cas\?logout=[\w-]{22}$}, 'which sends the person back';
    is $page->h1, 'Vous êtes déconnecté', '... to a page that says so';
    $browser->get(base() . '/ent/');
    is $browser->page->h1, 'Indiquez votre profil', 'out here';
    ok $browser->click('Autres publics')->form(0), 'out there: the password is asked for';

    $browser = login(site(3), 'prof');
    is $browser->get(base() . '/aten/logout?to=/public/bye%3Fx')->url, base() . '/public/bye?x', 'to a page';
    $browser = login(site(3), 'prof');
    like $browser->get(base() . '/aten/logout?to=https://evil.example/')->url,
        qr{^\Q@{[ base() ]}\E/aten/cas\?logout=[\w-]{22}$}, 'never elsewhere';

    my $nobody = browser();
    $page = $nobody->get(base() . '/aten/logout');
    is $page->status, 200, 'without a session';
    is $page->h1, 'Vous êtes déconnecté', '... a page says so';
    is_deeply [$page->header_all('set-cookie')], [], '... and there is no cookie to take away';
    is $nobody->get(base() . '/aten/logout?to=/public/')->url, base() . '/public/', '... or straight to the page';
    $nobody->jar->set(name => 'aten', value => 'broken', domain => 'localhost');
    $nobody->get(base() . '/aten/logout');
    ok !$nobody->jar->find('aten'), 'a cookie that is no session goes too';
};

subtest '/aten/session' => sub {
    my $page = browser()->get(base() . '/aten/session');
    is $page->header('content-type'), 'application/json', 'JSON';
    is $page->header('cache-control'), 'no-store', 'kept by nobody';
    is_deeply $page->json, { authenticated => JSON::PP::false(), login_url => '/aten/login' }, 'nobody';

    my $browser = login(site(3), 'prof-parent', profile => qr/eleves-parents/);
    my $now     = time;
    my $json    = $browser->get(base() . '/aten/session')->json;
    my ($login, $until) = delete @$json{qw(login until)};
    is_deeply $json, {
        authenticated => JSON::PP::true(), user => 'prof-parent', backend => 'cas', profile => 'eleves-parents',
        populations => [qw(parents staff)], idle_seconds => 3600,
    }, 'somebody: by which way, of which populations';
    my $iso = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/;
    like $_, $iso, "a time with its offset: $_" for $login, $until;
    cmp_ok abs($server->epoch($login) - $now), '<', 30, 'since now';
    is $server->epoch($until) - $server->epoch($login), 28800, 'for eight hours';
};

# --- several CAS servers ---

subtest 'two CAS servers' => sub {
    my %at = (nord => $cas, sud => $second);
    for my $order ([qw(nord sud)], [qw(sud nord)]) {
        my $browser = browser();
        my %tab     = map { $_ => $browser->tab } keys %at;
        for my $name (qw(nord sud)) {
            my $page = $tab{$name}->get(base('several') . "/aten/login?to=/ent/$name&profile=$name");
            is index($page->url, $at{$name}->url . '/login'), 0, "$name leads to its own server";
        }
        my $first = 1;
        for my $name (@$order) {
            my ($own, $other) = $name eq 'nord' ? ($cas, $second) : ($second, $cas);
            my @before = map { scalar(() = validated($_)) } $own, $other;
            my $page   = $tab{$name}->submit({ username => 'eleve', password => 'demo' });
            is $page->url, base('several') . "/ent/$name", "$name: back at its own page";
            is identity($page)->{ATEN_PROFILE}, $name, '... by its own profile';
            is scalar(() = validated($own)), $before[0] + 1, '... its ticket went to its own server';
            is scalar(() = validated($other)), $before[1], '... and to no other';
        }
        my $last = $at{ $order->[1] };
        my ($out) = $browser->get(base('several') . '/aten/logout')->redirects;
        is index($out->{to}, $last->url . '/logout'), 0, 'out at the server by which one came in last';
    }
};

subtest 'a ticket of the other server' => sub {
    my $browser = browser();
    my $until   = sub ($to) { ticket_of($to) };
    $browser->get(base('several') . '/aten/login?to=/ent/x&profile=nord');
    my ($service) = $browser->url =~ /service=([^&]+)/;
    my $forged = browser();
    $forged->get($second->url . "/login?service=$service");
    my $back = $forged->submit({ username => 'parent', password => 'demo' }, until => $until)->location;
    ok ticket_of($back), 'for the same address';
    my $count = () = validated($second);
    $browser->get($back);
    is scalar(() = validated($second)), $count, 'is not asked about there';
    ok asked_about(ticket_of($back), $cas), 'but at the server that the login began with, which knows nothing of it';
    is $browser->jar->find('port5'), undef, 'no session';
    my $form = $browser->page->form(0);
    ok $form, 'one fresh request to the right server';
    $browser->submit({ username => 'eleve', password => 'demo' });
    is user($browser), 'eleve', '... by which one gets in';
};

# --- what the administrator says of the CAS server ---

subtest 'AtenCASValidateURL, AtenCASField, AtenPopulation' => sub {
    $cas->set_account(famille => {
        sn => 'Autre', nomAffiche => ['', 'Nom Affiché'], givenName => 'Jean', ENTPersonProfils => 'Tuteur',
        ENTPersonStructRattachRNE => '0340039X', etablissement => [qw(0340001A 0340002B)], enfant => [qw(701 702)],
        categorie => 'Agent de la collectivité',
    });
    my $count   = () = validated();
    my $browser = login(site('fields'), 'famille');
    my @calls   = validated();
    is $calls[-1]{path}, '/cas/serviceValidate', 'the call goes where AtenCASValidateURL says';
    is scalar(@calls), $count + 1, '... once';
    like $browser->page->url, qr{/ent/$}, 'people still go to AtenCASServer';
    is_deeply { map { $_ => identity($browser)->{$_} } grep { !/ATTR/ } keys %{ identity($browser) } }, {
        REMOTE_USER => 'famille', AUTH_TYPE => 'aten', ATEN_BACKEND => 'cas', ATEN_PROFILE => 'autres-publics',
        ATEN_NOM => 'Nom Affiché', ATEN_UAI => '0340001A;0340002B', ATEN_ELEVE_ID => '701;702', ATEN_DEGRE => ';',
        ATEN_ROLE => 'personnel', ATEN_ROLES => 'personnel;parent',
    }, 'fields from other attributes, pairs of pupil and school, populations of one\'s own';
    is identity($browser)->{ATEN_ATTR_givenName}, 'Jean', 'an attribute is there as ever';

    $cas->set_account(impair => {
        ENTPersonProfils => 'National_2', etablissement => '0340001A', enfant => [qw(701 702)], categorie => 'Autre',
    });
    my $odd = identity(login(site('fields'), 'impair'));
    is $odd->{ATEN_ELEVE_ID}, '701;702;', 'two pupils and one school: nothing says which belongs where';
    is $odd->{ATEN_UAI}, ';;0340001A', '... each stands beside an empty one';
    is $odd->{ATEN_DEGRE}, ';;', '... in lists of one length';
    is $odd->{ATEN_ROLES}, 'personnel', 'a population of the same name replaces the built-in one';
    is $odd->{ATEN_NOM}, undef, 'what nobody sent is not there';
};

subtest 'two attributes that become one variable' => sub {
    $cas->set_account(clash => {
        ENTPersonProfils => 'National_1', 'tel-fixe' => 'un', 'tel.fixe' => 'deux', Mail => 'trois', mail => 'quatre',
        autre => 'cinq',
    });
    my $mark     = $server->log->mark;
    my $identity = identity(login(site(3), 'clash'));
    is_deeply [sort grep { /^ATEN_ATTR_/ } keys %$identity], [qw(ATEN_ATTR_ENTPersonProfils ATEN_ATTR_autre)],
        'neither of them is handed on; the others are';
    my $told = qr/not exported because their ATEN_ATTR_ names are the same: .*'tel-fixe' \(ATEN_ATTR_tel_fixe\)/;
    $server->log_like(qr/auth_aten:info.*$told/, 'the log names them', $mark);
    unlike $server->log->since($mark), qr/\b(?:deux|quatre)\b/, '... without their values';
};

# --- more than a cookie holds ---

sub bytes ($count) { return join '', map { Digest::SHA::sha256_hex("$_ of $count") } 1 .. $count / 64 }

subtest 'many and long attributes' => sub {
    my %many = map { sprintf('z%03d', $_) => "valeur $_ " . bytes(64) } 1 .. 120;
    $cas->set_account(riche => {
        %many, aaa => bytes(4096), ENTPersonProfils => [qw(National_3 National_2)], sn => 'Long', givenName => 'Nom',
        ENTPersonStructRattachRNE => [map { sprintf '034%04dX', $_ } 1 .. 20],
    });
    my $mark     = $server->log->mark;
    my $browser  = login(site(3), 'riche');
    my $identity = identity($browser);
    is $identity->{ATEN_ROLES}, 'personnel;parent', 'the populations are there';
    is scalar(() = $identity->{ATEN_UAI} =~ /034\d{4}X/g), 20, '... and the schools';
    is "$identity->{ATEN_PRENOM} $identity->{ATEN_NOM}", 'Nom Long', '... and the name';
    my @kept = grep { /^ATEN_ATTR_z\d/ } keys %$identity;
    cmp_ok scalar(@kept), '>', 10, '... and of the others what fits: ' . @kept;
    cmp_ok scalar(@kept), '<', 120, '... not all';
    ok !exists $identity->{ATEN_ATTR_aaa}, '... a long one does not stand in the way of short ones';
    is $identity->{$_}, $many{ s/ATEN_ATTR_//r }, "... whole: $_" for @kept[0, -1];
    my $cookie = $browser->jar->find('aten');
    cmp_ok length("aten$cookie->{value}"), '<=', 4096, '... in a cookie that browsers keep: ' . length $cookie->{value};
    is_deeply [$browser->jar->refused], [], '... as this one did';
    $server->log_like(qr/auth_aten:info.*AT0101: .*user riche, some attributes did not fit/, 'the log says so', $mark);
    $browser->get(base() . '/ent/again');
    is user($browser), 'riche', 'it opens again';
};

subtest 'what must fit and does not' => sub {
    $cas->set_account(trop => { ENTPersonProfils => ['National_1', map { bytes(64) . $_ } 1 .. 90] });
    my $browser = login(site(3), 'trop');
    my $page    = $browser->page;
    is $page->status, 500, 'no session';
    is $page->h1, 'Votre session n’a pas pu être ouverte', 'a page says why';
    my ($reference) = $page->text =~ /: ([0-9a-f]{10})/;
    $server->log_like(qr/auth_aten:error.*AT0134: .*\(reference \Q$reference\E\)/, '... and the log');
    is $browser->jar->find('aten'), undef, 'no cookie';
    is scalar(pending($browser)), 0, 'and nothing under way';
    # A name alone that is too long, in the only thing that protocol 1 tells.
    my $long = 'n' x 300;
    $cas->set_account($long => {});
    $page = login(site(1), $long)->page;
    is $page->status, 502, 'a user name of 300 bytes is no user name';
    $server->log_like(qr/auth_aten:error.*AT0208/, '... says the log');
};

# Logins and what a browser did wrong are news of level info; everything else stands above, test by test.
$server->clean_log_ok;
done_testing;

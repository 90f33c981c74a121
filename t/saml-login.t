# The whole way of a login through a real portal (simplesamlphp), as a browser goes it: who comes out of it, what the
# portal may sign and encrypt, keys that change, two portals, ForceAuthn, answers that nobody asked for; and what a
# browser may do wrong on the way.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::IdP ();
use Aten::URL ();
use IO::Compress::RawDeflate ();
use IO::Uncompress::RawInflate ();
use MIME::Base64 ();
use Time::HiRes qw(sleep);

need_module;
Aten::IdP::available() or BAIL_OUT('simplesamlphp and php-cli are not installed: run make deps');

my $cas = Aten::CAS->new;
my $idp = Aten::IdP->new;
my ($families, $agents) = map { $idp->entity_id($_) } qw(families agents);

# --- the sites ---

# A virtual host of its own port. The name of its cookie is its own too: ports don't separate cookies.
sub host ($port, $lines) {
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    return $listen . <<~"END";
        <VirtualHost 127.0.0.1:\@$port\@>
            ServerName localhost
            AtenSessionCookie \L$port\E
            AtenHome /accueil/
            AtenPortalMetadata \@METADATA\@
            ScriptAlias /accueil \@CGI\@/env
            ScriptAlias /ent     \@CGI\@/env
            ScriptAlias /strict  \@CGI\@/env
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
            $lines
        </VirtualHost>
        END
}

# AtenServiceKey and AtenServiceCertificate, one pair for each number.
sub key_lines (@numbers) {
    return join '', map {
        "AtenServiceKey \@ROOT\@/tls/service$_.key\nAtenServiceCertificate \@ROOT\@/tls/service$_.pem\n"
    } @numbers;
}

sub config (@keys) {
    my @hosts = (
        [PORT => <<~'END'],
            AtenCASServer @CAS@
            AtenPortal @FAMILIES@ vectors FrEduCtId
            AtenPortal @AGENTS@ staff uai=034*
            <AtenProfile eleves-parents>
                AtenLabel "élèves ou parents > établissement Education Nationale"
                AtenBackend aten
            </AtenProfile>
            <AtenProfile agents>
                AtenLabel "Autres publics > agents"
                AtenBackend aten @AGENTS@
            </AtenProfile>
            <AtenProfile autres-publics>
                AtenLabel "Autres publics > collectivités"
                AtenBackend cas
            </AtenProfile>
            END
        [PORT2 => "AtenPortal \@FAMILIES\@\n" . key_lines(@keys)],
        [PORT3 => <<~'END'],
            AtenPortal @FAMILIES@
            <Location "/strict">
                AuthType aten
                Require valid-user
                AtenPortalForceAuthn on
                AtenPortalAuthnContext urn:test:strong urn:test:stronger
            </Location>
            END
        [PORT4 => "AtenPortal \@FAMILIES\@\nAtenPortalUnsolicited off"],
        [PORT5 => "AtenPortal \@FAMILIES\@\nAtenPortalUnsolicited accept \@FAMILIES\@"],
        [PORT6 => "AtenPortal \@FAMILIES\@\nAtenPath /connexion\nAtenServiceEntityID urn:test:ent"],
        [PORT7 => "AtenPortal \@FAMILIES\@ uai=030*,0341234B\nAtenPortalClockSkew 400"],
        # A front does TLS for this one.
        [PORT8 => "AtenPortal \@FAMILIES\@\nAtenBaseURL https://localhost:\@HTTPS_PORT\@"],
    );
    my $text = join('', map { host(@$_) } @hosts) . <<~'END';
        <VirtualHost *:@HTTPS_PORT@>
            ServerName localhost
            @TLS_CONFIG@
            ProxyPass / http://127.0.0.1:@PORT8@/
            ProxyPreserveHost On
        </VirtualHost>
        END
    utf8::encode($text);
    return $text;
}

my $server = Aten::Server->prepare(
    cas => $cas, https => 1, at => time,
    vars => { METADATA => $idp->metadata_file, FAMILIES => $families, AGENTS => $agents },
);
Aten::IdP::make_key($server->root . "/tls/service$_") for 1, 2;
$server->set_time(time);    # not before the keys' own dates
$server->set_config(config(1));
$server->run;

my %port = (
    main => 'PORT', keys => 'PORT2', strict => 'PORT3', off => 'PORT4', accept => 'PORT5', path => 'PORT6',
    scope => 'PORT7', front => 'PORT8',
);

sub base ($which = 'main') {
    return 'https://localhost:' . $server->var('HTTPS_PORT') if $which eq 'front';
    return 'http://localhost:' . $server->var($port{$which});
}

# What login() of Aten::Test takes.
package Site {
    sub url ($self, $path, %option) { return main::base($self->{which}) . $path }
    sub cas ($self) { return $cas }
}
sub site ($which = 'main') { return bless { which => $which }, 'Site' }

sub path_of ($which) { return $which eq 'path' ? '/connexion' : '/aten' }

# The portal learns of each service from its own metadata page.
my %service;
for my $which (sort keys %port) {
    my $at = 'http://localhost:' . $server->var($port{$which});
    $service{$which} = $idp->trust($at . path_of($which) . '/saml/metadata');
}
is $service{main}, base() . '/aten/saml/metadata', 'our entityID is the address of our metadata page';
is $service{path}, 'urn:test:ent', '... or what AtenServiceEntityID says';
is $service{front}, base('front') . '/aten/saml/metadata', '... of the base address';

sub user ($page) { return identity_of($page)->{REMOTE_USER} }
sub pending ($browser) { return grep { $_->{name} =~ /^port\d?-login-/ } $browser->jar->all }
sub session ($browser, $which = 'main') {
    return $browser->jar->find(($which eq 'front' ? '__Host-' : '') . lc $port{$which});
}

# The AuthnRequest of an address, and the address with another one.
sub request_of ($url) {
    my ($text) = $url =~ /[?&]SAMLRequest=([^&]+)/ or return undef;
    my $deflated = MIME::Base64::decode($text =~ s/%([0-9a-f]{2})/chr hex $1/gier);
    IO::Uncompress::RawInflate::rawinflate(\$deflated => \my $xml) or die 'not deflated';
    return $xml;
}
sub with_request ($url, $xml) {
    IO::Compress::RawDeflate::rawdeflate(\$xml => \my $deflated) or die 'cannot deflate';
    my $text = Aten::URL::escape(MIME::Base64::encode($deflated, ''));
    return $url =~ s/([?&]SAMLRequest=)[^&]+/$1$text/r;
}
# httpd is started with the time that it was told last.
sub restart () {
    $server->set_time(time);
    return $server->restart;
}

sub to_portal ($address) { return $address =~ m{/saml2/idp/SSOService\.php} }

# Begun, and answered by the portal: its page with the answer stands in the tab, and is not sent.
sub answered ($browser, $to, %option) {
    my $which = $option{which} // 'main';
    $browser->get(base($which) . path_of($which) . '/login?profile=eleves-parents&to=' . Aten::URL::escape($to));
    $idp->enter($browser, $option{as} // 'eleve') if $idp->asks($browser);
    $idp->answers($browser) or die 'the portal does not answer: ' . $browser->url . "\n" . $browser->page->text;
    return $browser;
}

# The portal's answer once more, from whatever browser: ANSWER is what ->answer gave.
sub send_again ($browser, $answer) {
    my %fields = map { $_ => $answer->{$_} } grep { defined $answer->{$_} } qw(SAMLResponse RelayState);
    return $browser->post_form($answer->{action}, \%fields, from => $idp->url('families', '/'));
}

# --- who it is ---

sub oids (%value) { return map { ("ATEN_ATTR_urn_oid_1_3_6_1_4_1_20326_10_999_1_$_" => $value{$_}) } keys %value }

my $parent = "L'Hérault-Müller|Françoise";
my @people = (
    [eleve => 'a pupil of the 2nd degree: apostrophe, accents', 'eleve:701294@0340039X', {
        ATEN_ROLE => 'eleve', ATEN_NOM => "L'Hérault", ATEN_PRENOM => 'Zoé', ATEN_ELEVE_ID => '701294',
        ATEN_UAI => '0340039X', ATEN_DEGRE => '2', ATEN_VECTEUR => "4|L'Hérault|Zoé|701294|0340039X",
    }],
    [eleve1d => 'a pupil of the 1st degree, without names', 'eleve:600777@0341234B', {
        ATEN_ROLE => 'eleve', ATEN_ELEVE_ID => '600777', ATEN_UAI => '0341234B', ATEN_DEGRE => '1',
        ATEN_VECTEUR => '3|||600777|0341234B',
    }],
    [parent => 'a parent of three children in two schools', "parent:L'Hérault-Müller:Françoise:600777\@0341234B", {
        ATEN_ROLE => 'parent', ATEN_NOM => "L'Hérault-Müller", ATEN_PRENOM => 'Françoise',
        ATEN_ELEVE_ID => '701294;701295;600777', ATEN_UAI => '0340039X;0340039X;0341234B', ATEN_DEGRE => '2;2;1',
        ATEN_VECTEUR => "2|$parent|701294|0340039X;2|$parent|701295|0340039X;1|$parent|600777|0341234B",
        ATEN_ATTR_mail => 'francoise@famille.example',
    }],
    [parent2 => 'the other parent of the same child', "parent:L'Hérault:Jérôme:701294\@0340039X", {
        ATEN_ROLE => 'parent', ATEN_NOM => "L'Hérault", ATEN_PRENOM => 'Jérôme', ATEN_ELEVE_ID => '701294',
        ATEN_UAI => '0340039X', ATEN_DEGRE => '2', ATEN_VECTEUR => "2|L'Hérault|Jérôme|701294|0340039X",
    }],
    ['parent-nom-odd' => 'a name of odd characters',
        "parent:Ça%3A \"100 %25\" <d'Œuvre> & Cie;:Ÿvonne:701300\@0340039X", {
        ATEN_ROLE => 'parent', ATEN_NOM => "Ça: \"100 %\" <d'Œuvre> & Cie;", ATEN_PRENOM => 'Ÿvonne',
        ATEN_ELEVE_ID => '701300', ATEN_UAI => '0340039X', ATEN_DEGRE => '2',
        ATEN_VECTEUR => "2|Ça: \"100 %\" <d'Œuvre> & Cie\\;|Ÿvonne|701300|0340039X",
    }],
    ['educonnect-eleve' => 'a pupil by EduConnect, attributes by OID', 'ec-0f2c9a71', {
        ATEN_ROLE => 'eleve', ATEN_NOM => "L'Hérault", ATEN_PRENOM => 'Zoé', ATEN_ELEVE_ID => '',
        ATEN_UAI => '0340039X', ATEN_DEGRE => '2',
        oids(57 => 'ec-0f2c9a71', 7 => 'eleve2d', 72 => '0340039X', 67 => '2004-02-29'),
        ATEN_ATTR_urn_oid_2_5_4_4 => "L'Hérault", ATEN_ATTR_urn_oid_2_5_4_42 => 'Zoé',
    }],
    ['educonnect-parent' => 'a parent by EduConnect', 'ec-77d01b30', {
        ATEN_ROLE => 'parent', ATEN_NOM => "L'Hérault-Müller", ATEN_PRENOM => 'Françoise', ATEN_ELEVE_ID => ';',
        ATEN_UAI => '0340039X;0340042A', ATEN_DEGRE => '2;2',
        oids(57 => 'ec-77d01b30', 7 => 'resp2d', 72 => '0340039X;0340042A', 5 => 'https://educonnect.example/logout'),
        ATEN_ATTR_urn_oid_2_5_4_4 => "L'Hérault-Müller", ATEN_ATTR_urn_oid_2_5_4_42 => 'Françoise',
    }],
    [prof => 'a teacher, by the portal of staff', 'andre.d-aubigne@ac.example', {
        ATEN_ROLE => 'personnel', ATEN_NOM => "D'Aubigné", ATEN_PRENOM => 'André', ATEN_ELEVE_ID => ';',
        ATEN_UAI => '0340039X;0340042A', ATEN_DEGRE => ';', ATEN_ATTR_ctemail => 'andre.d-aubigne@ac.example',
        ATEN_ATTR_sn => "D'Aubigné", ATEN_ATTR_givenName => 'André', ATEN_ATTR_FrEduFonctAdm => 'ENS',
        ATEN_ATTR_FrEduRne => '0340039X$UAJ$PU$N$T3$CLG$340;0340042A$UAJ$PU$N$T3$LYC$320',
    }],
);

subtest 'who it is' => sub {
    for my $row (@people) {
        my ($account, $why, $user, $variables) = @$row;
        my $profile = $account eq 'prof' ? 'agents' : 'eleves-parents';
        my %expected = (
            REMOTE_USER => $user, AUTH_TYPE => 'aten', ATEN_BACKEND => 'aten', ATEN_PROFILE => $profile,
            ATEN_ROLES => $variables->{ATEN_ROLE}, %$variables,
        );
        $expected{ATEN_ATTR_FrEduVecteur} = $expected{ATEN_VECTEUR} if exists $expected{ATEN_VECTEUR};
        my $to = '/ent/cours/%C3%A9?id=7&lang=fr&x=%2F';
        my $browser = login(site(), $account, idp => $idp, to => $to, profile => qr/profile=\Q$profile\E/);
        is $browser->url, base() . $to, "$account, $why: at the page";
        is_deeply identity_of($browser), \%expected, '... as oneself' or diag explain identity_of($browser);
        is_deeply [$browser->jar->refused], [], '... by cookies that a browser takes';
        is scalar(pending($browser)), 0, '... and nothing is under way any more';
    }
};

# A login that must succeed; and one that must not, and whose reason the log says.
sub comes_in ($which, $account, $why, %option) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $browser = login(site($which), $account, idp => $idp, %option);
    ok user($browser), "$why: in" or diag $browser->url . ' ' . $browser->page->text;
    return $browser;
}

sub stays_out ($which, $account, $tag, $why, %option) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $mark    = $server->log->mark;
    my $log     = delete $option{log} // '';
    my $browser = login(site($which), $account, idp => $idp, %option);
    ok !session($browser, $which), "$why: no session" or diag explain identity_of($browser);
    cmp_ok $browser->page->status, '>=', 400, '... a page: ' . ($browser->page->h1 // 'none');
    my ($reference) = $browser->page->text =~ /: ([0-9a-f]{10})/;
    $reference //= 'none';
    $server->log_like(qr/auth_aten:\w+\].*\Q$tag\E: .*$log.*\(reference \Q$reference\E\)/, '... and the log why',
        $mark);
    return $browser;
}

subtest 'who is nobody' => sub {
    stays_out(main => 'parent-sans-nom', 'AT0344', 'a parent whom nothing tells from the other one');
    stays_out(main => 'sans-vecteur', 'AT0343', 'neither a vector nor an address');
    stays_out(main => 'vecteur-casse', 'AT0340', 'a vector of four fields');
    stays_out(main => 'faux-eleve', 'AT0347', 'a pupil, says the portal of staff', profile => qr/profile=agents/);
};

sub vectors ($count) {
    my $vector = "2|L'Hérault-Müller|Marie-Françoise|70%04d|034%04dX";
    return { FrEduVecteur => [map { sprintf $vector, $_, $_ } 1 .. $count] };
}

subtest 'as many children as there may be' => sub {
    $idp->set_account(nombreux => vectors(12));
    my $browser = comes_in(main => 'nombreux', 'twelve');
    is scalar(() = identity_of($browser)->{ATEN_VECTEUR} =~ /\|034\d{4}X/g), 12, '... all of them';
    my %rest = map { sprintf("attribut%03d", $_) => "valeur $_ " . 'x' x 60 } 1 .. 60;
    $idp->set_account(riche => { %{ vectors(8) }, %rest });
    my $rich = identity_of(comes_in(main => 'riche', 'more attributes than fit'));
    is scalar(() = $rich->{ATEN_VECTEUR} =~ /\|034\d{4}X/g), 8, '... the children are there';
    my @kept = grep { /^ATEN_ATTR_attribut/ } keys %$rich;
    cmp_ok scalar(@kept), '>', 5, '... and of the others what fits: ' . @kept;
    cmp_ok scalar(@kept), '<', 60, '... not all';
    is $rich->{$_}, $rest{ s/ATEN_ATTR_//r }, "... whole: $_" for @kept[0, -1];
    $idp->set_account(trop => vectors(40));
    stays_out(main => 'trop', 'AT0134', 'forty do not fit');
    $idp->set_account(trop => vectors(41));
    stays_out(main => 'trop', 'AT0340', 'forty-one are too many');
};

# --- the way ---

subtest 'redirect by redirect' => sub {
    my $browser = browser();
    my $page    = $browser->get(base() . '/ent/page?a=1&b=2');
    is $page->h1, 'Indiquez votre profil', 'the chooser';
    $page = $browser->click('établissement Education Nationale', follow => 0);
    is $page->status, 303, 'the profile leads';
    is index($page->location, $idp->url . '/saml2/idp/SSOService.php?SAMLRequest='), 0, '... to the portal';
    my ($relay) = $page->location =~ /[?&]RelayState=([^&]+)/;
    like $relay, qr/^[\w-]{22}\.0$/, 'RelayState is a nonce, no address';
    my ($cookie, @more) = $browser->jar->all('localhost');
    ok !@more && $cookie->{name} =~ /^port-login-\d+$/, 'one cookie: the login that is under way';
    like $cookie->{text}, qr/; Path=\/; Max-Age=14400; HttpOnly; SameSite=Lax$/, '... Lax';
    my $request = request_of($page->location);
    like $request, qr/\bID="_\Q@{[ substr $relay, 0, 22 ]}\E"/, 'the request has the login\'s nonce as its ID';
    my @parts = (
        'Version="2.0"', 'Destination="' . $idp->url . '/saml2/idp/SSOService.php"',
        'AssertionConsumerServiceURL="' . base() . '/aten/saml/acs"',
        'ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"',
        'Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient"',
    );
    like $request, qr/\Q$_\E/, "... and $_" for @parts;
    like $request, qr{<(?:\w+:)?Issuer[^>]*>\Q$service{main}\E</}, '... and our name';
    unlike $request, qr/ForceAuthn="(?:true|1)"|RequestedAuthnContext/, '... and asks for nothing special';
    unlike $page->location, qr/[?&](?:Signature|SigAlg)=/, '... nor is it signed: there is no service key';

    $browser->get($page->location, from => base() . '/aten/login');
    $idp->enter($browser, 'eleve');
    is $idp->answer($browser)->{RelayState}, $relay, 'the portal gives RelayState back';
    is $idp->answer($browser)->{action}, base() . '/aten/saml/acs', '... to our address';
    is scalar(pending($browser)), 1, '... while the login is under way';
    $page = $idp->send_answer($browser);
    my @hops = $page->redirects;
    is join(' ', map { $_->{status} } @hops), '303 303', 'the answer: the ACS, /saml/done, the page';
    my ($acs, $done) = map { $_->{page} } @hops;

    my $sent = $acs->request;
    is $sent->{what}{method}, 'POST', 'the answer comes by POST';
    is $sent->{headers}{'sec-fetch-site'}, 'cross-site', '... from another site';
    ok !exists $sent->{headers}{cookie}, '... and brings no cookie at all, as Lax has it';
    my @set = $acs->header_all('set-cookie');
    is scalar(@set), 1, 'the ACS sets one cookie';
    like $set[0], qr{^port-result=[\w-]+; Path=/aten/saml/done; Max-Age=60; HttpOnly; SameSite=Lax$},
        '... the result, for a minute and one address';
    like $hops[0]{to}, qr{^\Q@{[ base() ]}\E/aten/saml/done\?state=\Q$relay\E\.eleves-parents$}, '... and leads there';
    is $acs->header('cache-control'), 'no-store', '... stored nowhere';

    is $done->request->{what}{method}, 'GET', 'there, by GET';
    my %brought = map { /^([^=]+)=/ ? ($1 => 1) : () } split /; /, $done->request->{headers}{cookie} // '';
    is_deeply [sort keys %brought], [sort 'port-result', $cookie->{name}], '... the browser brings both';
    my @gone = grep { /Max-Age=0/ } $done->header_all('set-cookie');
    is scalar(grep { m{^port-result=;.*Path=/aten/saml/done;} } @gone), 1, 'the result is used up';
    is scalar(grep { /^\Q$cookie->{name}\E=;/ } @gone), 1, 'the login is over';
    my @session = grep { /^port=/ } $done->header_all('set-cookie');
    like "@session", qr{^port=[\w-]+; Path=/; HttpOnly; SameSite=Lax$}, 'the session ends with the browser';
    is $page->url, base() . '/ent/page?a=1&b=2', 'the page';
    is user($page), 'eleve:701294@0340039X', '... in';
    is_deeply [map { $_->{name} } $browser->jar->all('localhost')], ['port'], 'nothing but the session is left';
    $browser->get(base() . '/ent/other');
    is user($browser), 'eleve:701294@0340039X', 'and stays in';

    my $json = $browser->get(base() . '/aten/session')->json;
    is $json->{backend}, 'aten', '/aten/session: by which way';
    is $json->{profile}, 'eleves-parents', '... by which profile';
    is $json->{user}, 'eleve:701294@0340039X', '... who';
};

subtest 'one profile is left: straight to the portal' => sub {
    my $browser = browser();
    $browser->get(base('keys') . '/ent/x?y');
    ok $idp->asks($browser), 'no chooser';
    $idp->pass($browser, 'eleve');
    is $browser->url, base('keys') . '/ent/x?y', '... and back';
    is identity_of($browser)->{ATEN_PROFILE}, 'eleves-parents', '... by the profile of the guide';
};

subtest 'deep links' => sub {
    for my $name (qw(profile selection)) {
        my $page = browser()->get(base() . "/aten/login?to=/ent/x&$name=agents", until => \&to_portal);
        is index($page->location, $idp->url('agents') . '/'), 0, "$name=agents: straight to its portal";
    }
};

# --- what the portal signs and encrypts ---

subtest 'signatures and encryption' => sub {
    my @shapes = (
        ['both signed',                      {}],
        ['the response alone',               { sign_assertion => 0 }],
        ['the assertion alone',              { sign_response => 0 }],
        ['RSA-SHA384',                       { algorithm => 'rsa-sha384' }],
        ['RSA-SHA512',                       { algorithm => 'rsa-sha512' }],
        ['a persistent NameID',              { name_id => 'persistent' }],
        ['attributes of NameFormat uri',     { name_format => 'uri' }],
        ['encrypted, both signed',           { encrypt => 1 }],
        ['encrypted, the response signed',   { encrypt => 1, sign_assertion => 0 }],
        ['an encrypted NameID',              { encrypt_name_id => 1 }],
        ['an encrypted NameID, the assertion signed', { encrypt_name_id => 1, sign_response => 0 }],
        ['an encrypted NameID in an encrypted assertion', { encrypt => 1, encrypt_name_id => 1 }],
    );
    for my $shape (@shapes) {
        my ($why, $options) = @$shape;
        $idp->reset_options->set_option(families => %$options);
        my $browser = comes_in(keys => 'parent', $why);
        is identity_of($browser)->{ATEN_UAI}, '0340039X;0340039X;0341234B', '... with everything that was said';
    }
    my @bad = (
        ['AT0310', '',         'nothing signed',                    { sign_response => 0, sign_assertion => 0 }],
        ['AT0310', '',         'nothing signed around an encrypted NameID',
            { sign_response => 0, sign_assertion => 0, encrypt_name_id => 1 }],
        ['AT0312', 'rsa-sha1', 'RSA-SHA1',                          { algorithm => 'rsa-sha1' }],
        ['AT0316', '',         'CBC with nothing signed around it', { encrypt => 1, sign_response => 0 }],
    );
    for my $shape (@bad) {
        my ($tag, $log, $why, $options) = @$shape;
        $idp->reset_options->set_option(families => %$options);
        stays_out(keys => 'parent', $tag, $why, log => $log);
    }
    $idp->reset_options;
};

subtest 'signed requests' => sub {
    my $page = browser()->get(base('keys') . '/ent/', until => \&to_portal);
    like $page->location, qr/&SigAlg=http%3A%2F%2Fwww\.w3\.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=/i,
        'with a service key the request is signed, by RSA-SHA256';
    my $seen    = length $idp->log;
    my $browser = browser();
    $browser->get($page->location);
    ok $idp->asks($browser), 'the portal goes on';
    like substr($idp->log, $seen), qr/Validation with key #0 succeeded/, '... after it has checked the signature';
    $browser->get($page->location =~ s/(RelayState=)[^&]+/$1other.0/r);
    ok !$idp->asks($browser), 'with another RelayState the signature does not hold';
};

# --- keys that change ---

subtest 'our key roll-over' => sub {
    my $learn = sub { $idp->trust(base('keys') . '/aten/saml/metadata') };
    my $use   = sub (@keys) { $server->set_config(config(@keys)); $server->graceful };
    $idp->set_option(families => encrypt => 1);
    my @steps = (
        [[1],    1, 'the old key alone'],
        [[1, 2], 0, 'the new one beside it; the portal knows the old one'],
        [[1, 2], 1, '... and reads our metadata again'],
        [[2, 1], 0, 'the new one first; the portal does not know it as the first'],
        [[2, 1], 1, '... and encrypts for it'],
        [[2],    0, 'the new one alone'],
    );
    for my $step (@steps) {
        my ($keys, $learns, $why) = @$step;
        $use->(@$keys);
        $learn->() if $learns;
        comes_in(keys => 'parent', $why);
    }
    # The portal doesn't know key 1 any more: it would refuse a request that is signed by it.
    $use->(1);
    my $service = $idp->trust(base('keys') . '/aten/saml/metadata');
    comes_in(keys => 'parent', 'back to the old one');
    $use->(2, 1);
    $learn->();
    my $browser = answered(browser(), '/ent/x', which => 'keys', as => 'parent');
    $use->(1);
    my $mark = $server->log->mark;
    $idp->send_answer($browser);
    ok !session($browser, 'keys'), 'encrypted for a key that we have no more: no session';
    $server->log_like(qr/auth_aten:\w+\].*AT0315: /, '... says the log', $mark);
    $learn->();
    $idp->reset_options;
};

# A child looks at the file once a second at most.
sub new_metadata () {
    $idp->metadata_file;
    sleep 1.2;
    return;
}

subtest 'the portal\'s key roll-over' => sub {
    $idp->add_key('families');
    new_metadata();
    comes_in(main => 'eleve', 'two certificates in the metadata, the old key signs');
    $idp->sign_with(families => 1);
    comes_in(main => 'eleve', '... the new key signs');
    $idp->drop_other_key('families');
    new_metadata();
    comes_in(main => 'eleve', 'the new certificate alone');
    # A portal that changes its key and tells nobody.
    $idp->add_key('families');
    $idp->sign_with(families => 1);
    stays_out(main => 'eleve', 'AT0313', 'a key that the metadata does not have', log => qr/\Q$families\E/);
    new_metadata();
    comes_in(main => 'eleve', 'until the metadata has it');
};

# --- two portals ---

subtest 'two portals' => sub {
    my $browser = browser();
    my $page    = $browser->get(base() . '/aten/login?profile=eleves-parents&to=/ent/x', until => \&to_portal);
    my ($from, $to) = map { $idp->url($_) } qw(families agents);
    my $mark    = $server->log->mark;
    $browser->get($page->location =~ s/^\Q$from\E/$to/r, from => base() . '/');
    $idp->pass($browser, 'prof');
    ok !session($browser), 'a login begun with one portal does not end with another';
    $server->log_like(qr/AT0142: /, '... says the log', $mark);
    $browser->get(base() . '/aten/login?profile=eleves-parents&to=/ent/x');
    $idp->pass($browser, 'eleve');
    is user($browser), 'eleve:701294@0340039X', 'the right one still lets in';

    $browser->get(base() . '/aten/login?profile=agents&to=/ent/x');
    $idp->pass($browser, 'prof');
    is user($browser), 'andre.d-aubigne@ac.example', 'another profile: another portal, another person';
    is identity_of($browser)->{ATEN_PROFILE}, 'agents', '... by that profile';
    $browser->get(base() . '/aten/login?profile=autres-publics&to=/ent/x');
    $browser->submit({ username => 'prof', password => 'demo' });
    is identity_of($browser)->{ATEN_BACKEND}, 'cas', 'and CAS beside them';
    is user($browser), 'prof', '... by its own name';
    $browser->get(base() . '/aten/login?profile=eleves-parents&to=/ent/x');
    $idp->pass($browser, 'eleve');
    is identity_of($browser)->{ATEN_BACKEND}, 'aten', '... and back';
};

subtest 'what a portal may say' => sub {
    comes_in(scope => 'eleve1d', 'a school of its own');
    stays_out(scope => 'eleve', 'AT0346', 'a school of another académie', log => '0340039X');
    stays_out(scope => 'parent', 'AT0346', 'a parent with a child in each', log => '0340039X');
};

subtest 'the portal refuses' => sub {
    $idp->set_option(families => refuse => "Compte bloqué <b>");
    my $browser = stays_out(main => 'eleve', 'AT0305', 'the portal says that it did not log the person in',
        log => qr/Responder.*RequestDenied.*Compte bloqu/);
    unlike $browser->page->html, qr/<b>/, '... and what it says is not repeated as it stands';
    $idp->reset_options;
};

# --- ForceAuthn, AuthnContext ---

subtest 'switch=1: ForceAuthn' => sub {
    my $browser = login(site(), 'eleve', idp => $idp);
    $browser->get(base() . '/aten/login?to=/ent/z');
    like $browser->page->text, qr/Une personne est déjà connectée : Zoé L'Hérault/, 'the chooser says who is connected';
    $browser->click('Ce n’est pas vous ? Changez de compte');
    ok !session($browser), 'another person: the session goes';
    my $page = $browser->click('établissement Education Nationale', until => \&to_portal);
    like request_of($page->location), qr/ForceAuthn="(?:true|1)"/, 'the request asks for a new login';
    $browser->get($page->location, from => base() . '/aten/login');
    ok $idp->asks($browser), 'the portal asks for the password, though it has a session of its own';
    $idp->pass($browser, 'parent');
    is identity_of($browser)->{ATEN_ROLE}, 'parent', 'somebody else';
    is $browser->url, base() . '/ent/z', '... at the page';

    my $before = session($browser)->{value};
    $browser->get(base() . '/aten/login?to=/ent/z&profile=eleves-parents');
    is session($browser)->{value}, $before, 'without switch the live session goes on';
    is $browser->url, base() . '/ent/z', '... at the page';
};

subtest 'ForceAuthn is not left to the portal' => sub {
    my $browser = login(site(), 'eleve', idp => $idp);
    $server->set_time(time + 200);
    my $page = $browser->get(base() . '/aten/login?switch=1&profile=eleves-parents&to=/ent/z', until => \&to_portal);
    my $mark = $server->log->mark;
    my $mild = request_of($page->location) =~ s/ ForceAuthn="(?:true|1)"//r;
    $browser->get(with_request($page->location, $mild), from => base() . '/');
    ok $idp->answers($browser), 'ForceAuthn is taken out of the request: the portal answers by its session';
    $idp->send_answer($browser);
    ok !session($browser), '... which gives none here';
    $server->log_like(qr/AT0330: .*AuthnInstant is \d+ seconds before the request/, '... says the log', $mark);
    $server->set_time(time);
};

subtest 'AtenPortalForceAuthn, AtenPortalAuthnContext' => sub {
    my $browser = login(site('strict'), 'eleve', idp => $idp);
    is user($browser), 'eleve:701294@0340039X', 'a path that asks for nothing';
    $idp->set_option(families => authn_context => 'urn:test:strong');
    my $strict  = browser();
    my $page    = $strict->get(base('strict') . '/strict/?x', until => \&to_portal);
    my $request = request_of($page->location);
    like $request, qr/ForceAuthn="(?:true|1)"/, 'one that asks: ForceAuthn';
    like $request, qr/RequestedAuthnContext[^>]*Comparison="exact"/, '... RequestedAuthnContext';
    like $request, qr{AuthnContextClassRef>\Q$_\E<}, "... $_" for qw(urn:test:strong urn:test:stronger);
    $strict->get($page->location);
    $idp->pass($strict, 'eleve');
    is $strict->url, base('strict') . '/strict/?x', 'met: at the page';
    is user($strict), 'eleve:701294@0340039X', '... in';

    $idp->set_option(families => authn_context => 'urn:test:weak');
    stays_out(strict => 'eleve', 'AT0331', 'not met', to => '/strict/', via => 'page', log => 'urn:test:weak');
    my $weak = comes_in(strict => 'eleve', 'the other path takes it', to => '/ent/', via => 'page');
    my $mark = $server->log->mark;
    $weak->get(base('strict') . '/strict/');
    ok !user($weak), 'but that session does not open this one';
    $server->log_like(qr/AT0408: /, '... says the log', $mark);
    $idp->reset_options;
};

# --- nobody asked ---

# The person begins at the portal: its answer stands in the tab.
sub unasked ($which, $browser = browser(), %more) {
    $browser->get($idp->unsolicited_url($service{$which}, 'families', %more));
    $idp->enter($browser, 'eleve') if $idp->asks($browser);
    return $browser;
}

subtest 'a start at the portal: restart' => sub {
    my $browser = unasked('main');
    ok !$idp->answer($browser)->{RelayState}, 'an answer without a request';
    my $mark = $server->log->mark;
    is $idp->pass($browser, 'eleve'), 2, 'one fresh request, that the portal answers by itself';
    is $browser->url, base() . '/accueil/', '... to the home page';
    ok session($browser), '... in';
    $server->log_like(qr/auth_aten:info\].*AT0328: .*\Q$families\E/, '... says the log', $mark);
    is scalar(pending($browser)), 0, '... and nothing is under way';

    my $live   = login(site(), 'parent', idp => $idp);
    my $before = session($live)->{value};
    send_again($live, $idp->answer(unasked('main')));
    is session($live)->{value}, $before, 'a live session is not replaced by somebody else\'s answer';
    is $live->url, base() . '/accueil/', '... and goes on';

    $browser = unasked('main', browser(), RelayState => 'http://evil.example/');
    $idp->pass($browser, 'eleve');
    is $browser->url, base() . '/accueil/', 'its RelayState leads nowhere';
};

subtest 'a start at the portal: off' => sub {
    my $browser = unasked('off');
    my $mark    = $server->log->mark;
    is $idp->pass($browser, 'eleve'), 1, 'one answer';
    ok !session($browser, 'off'), '... no session';
    cmp_ok $browser->page->status, '>=', 400, '... a page that says so: ' . $browser->page->h1;
    $server->log_like(qr/AT0328: .*AtenPortalUnsolicited is off/, '... and the log', $mark);
};

subtest 'a start at the portal: accept' => sub {
    my $browser = unasked('accept');
    my $answer  = $idp->answer($browser);
    is $idp->pass($browser, 'eleve'), 1, 'one answer';
    is $browser->url, base('accept') . '/accueil/', '... to the home page';
    ok session($browser, 'accept'), '... in';
    my $thief = browser();
    send_again($thief, $answer);
    ok !session($thief, 'accept'), '... one time only';
    ok $idp->asks($thief), '... the second time the portal is asked';
};

# --- again, late, elsewhere ---

subtest 'the back button and reloads' => sub {
    my $browser = answered(browser(), '/ent/a?b');
    my $answer  = $idp->answer($browser);
    $idp->send_answer($browser);
    is $browser->url, base() . '/ent/a?b', 'a login';
    my $before = session($browser)->{value};
    for my $again (1, 2) {
        my $page = send_again($browser, $answer);
        is $page->status, 200, "the answer again, $again: no error";
        is $page->url, base() . '/accueil/', '... the session goes on';
        is session($browser)->{value}, $before, '... the same one';
    }
    my $mark = $server->log->mark;
    $browser->jar->delete('port');
    send_again($browser, $answer);
    $server->log_like(qr/auth_aten:info\].*AT0333: /, 'without a session: not believed', $mark);
    ok $idp->answers($browser), '... one fresh request, that the portal answers by itself';
    is $idp->pass($browser, 'eleve'), 1, '... once';
    is $browser->url, base() . '/accueil/', '... to the home page';
    ok session($browser), '... in';
    my $done = $browser->get(base() . '/aten/saml/done?state=' . 'A' x 22 . '.0.eleves-parents');
    is $done->url, base() . '/accueil/', '/saml/done from the history: the session goes on';
};

subtest 'used once, also after a restart' => sub {
    my $browser = answered(browser(), '/ent/once');
    my $answer  = $idp->answer($browser);
    my $copy    = browser();
    $copy->jar->set(%$_) for $browser->jar->all('localhost');    # the login is still under way in this one
    $idp->send_answer($browser);
    is user($browser), 'eleve:701294@0340039X', 'a login';
    $server->graceful;
    my $mark = $server->log->mark;
    send_again($copy, $answer);
    ok !session($copy), 'after a graceful restart: not a second time';
    $server->log_like(qr/AT0333: /, '... says the log', $mark);
    restart();
    $mark = $server->log->mark;
    my $later = browser();
    send_again($later, $answer);
    ok !session($later), 'after a stop and a start: not either';
    $server->log_like(qr/AT0333: /, '... says the log', $mark);
    $browser->get(base() . '/ent/once');
    is user($browser), 'eleve:701294@0340039X', '... and the session goes on over both';
};

subtest 'a restart during the login' => sub {
    for my $how (qw(graceful reload restart)) {
        my $browser = answered(browser(), '/ent/during');
        $how eq 'restart' ? restart() : $server->$how;
        $idp->send_answer($browser);
        is $browser->url, base() . '/ent/during', "$how: at the page";
        ok user($browser), '... in';
    }
};

subtest 'tabs' => sub {
    for my $order ([0, 1, 2], [2, 1, 0]) {
        my $browser = browser();
        my @tabs    = map { answered($browser->tab, "/ent/tab-$_?x") } 0 .. 2;
        for my $number (@$order) {
            $idp->send_answer($tabs[$number]);
            is $tabs[$number]->url, base() . "/ent/tab-$number?x", "tab $number: its own page";
            ok user($tabs[$number]), '... in';
        }
        is scalar(pending($browser)), 0, 'nothing is under way any more';
    }
};

# httpd refuses a header of more than 8190 bytes, and a browser that has it for good would be locked out.
subtest 'a large session, and many tabs' => sub {
    my $browser = comes_in(main => 'riche', 'a large session');
    cmp_ok length session($browser)->{value}, '>', 2000, '... ' . length session($browser)->{value};
    my $most = 0;
    my $ask  = \&Aten::Browser::ask;
    no warnings 'redefine';
    local *Aten::Browser::ask = sub ($self, $request) {
        my $page = $ask->($self, $request);
        my $sent = length($page->request->{headers}{cookie} // '');
        $most = $sent if $sent > $most && $page->url =~ m{^http://localhost:};
        return $page;
    };
    my @tabs = map { $browser->tab } 0 .. 19;
    for my $number (0 .. 19) {
        $tabs[$number]->get(base() . "/aten/login?profile=agents&to=/ent/tab-$number%3F" . 'x' x 150);
        is $tabs[$number]->page->status, 200, "tab $number leads to the portal" if !$idp->is_here($tabs[$number]);
        $idp->enter($tabs[$number], 'prof') if $idp->asks($tabs[$number]);
    }
    ok $idp->answers($tabs[19]), 'twenty tabs are at the portal';
    $idp->send_answer($tabs[19]);
    is $tabs[19]->url, base() . '/ent/tab-19?' . 'x' x 150, 'the last one lands on its page';
    is user($tabs[19]), 'andre.d-aubigne@ac.example', '... in';
    $idp->send_answer($tabs[0]);
    is $tabs[0]->url, base() . '/accueil/', 'the first one was forgotten: the home page';
    cmp_ok $most, '<', 8000, "the longest Cookie header was $most bytes";
};

subtest 'other methods at our addresses' => sub {
    my %allowed = (acs => 'POST', done => 'GET', metadata => 'GET');
    for my $page (sort keys %allowed) {
        for my $method (qw(GET HEAD POST PUT OPTIONS)) {
            next if $method eq $allowed{$page} || $method eq 'HEAD' && $page eq 'metadata';
            my $browser = browser();
            my @body    = $method =~ /^P/ ? (body => 'a=b', type => 'application/x-www-form-urlencoded') : ();
            my $answer  = $browser->navigate(
                method => $method, url => base() . "/aten/saml/$page", from => base() . '/', @body,
            );
            is $answer->status, 405, "$method $page: 405";
            like $answer->header('allow') // '', qr/\b$allowed{$page}\b/, '... and what would be right';
            is_deeply [$answer->header_all('set-cookie')], [], '... no cookie';
        }
    }
};

subtest 'the cookies were deleted on the way' => sub {
    my $browser = answered(browser(), '/ent/lost');
    $browser->jar->delete(qr/^port/);
    is $idp->pass($browser, 'eleve'), 2, 'one fresh request';
    ok session($browser), '... in';
    is $browser->url, base() . '/accueil/', '... at the home page: nobody knows the other one any more';
};

subtest 'in another browser' => sub {
    my $victim = login(site(), 'eleve', idp => $idp);
    my $before = session($victim)->{value};
    my $page   = send_again($victim, $idp->answer(answered(browser(), '/ent/mine', as => 'parent')));
    is session($victim)->{value}, $before, 'a live session is not replaced';
    is $page->url, base() . '/accueil/', '... and goes on';
    $victim->jar->delete('port');
    send_again($victim, $idp->answer(answered(browser(), '/ent/mine', as => 'parent')));
    $idp->pass($victim, 'eleve');
    is $victim->fetch(base() . '/aten/session')->json->{user}, 'eleve:701294@0340039X',
        'without a session: in as oneself';
};

subtest 'a browser that refuses our cookies' => sub {
    my $browser = browser();
    no warnings 'redefine';
    my $take = \&Aten::Jar::take;
    local *Aten::Jar::take = sub ($jar, $request, $text) {
        return if Aten::URL::parse_url($request->{url})->{host} eq 'localhost';
        return $take->($jar, $request, $text);
    };
    my $mark = $server->log->mark;
    $browser->get(base() . '/aten/login?to=/ent/&profile=eleves-parents');
    for my $round (1, 2) {
        is $idp->pass($browser, 'eleve'), 2, "round $round: two trips";
        my $page = $browser->page;
        is $page->status, 400, '... end in a page';
        is $page->h1, 'Votre navigateur semble refuser les cookies', '... that says so';
        my ($reference) = $page->text =~ /Référence à donner.*?: ([0-9a-f]{10})/;
        $reference //= 'none';
        $server->log_like(qr/AT0107: .*\(reference \Q$reference\E\)/, '... and the log', $mark);
        $browser->click('Réessayer');
        $browser->click('établissement Education Nationale');
    }
};

subtest 'a login that took long' => sub {
    for my $late (3599, 3601) {
        my $start   = time;
        my $browser = browser();
        $server->hold_time($start - $late);
        $browser->get(base() . '/aten/login?profile=eleves-parents&to=/ent/late?x');
        ok $idp->asks($browser), "$late s pass at the portal";
        $server->hold_time($start);
        my $trips = $late < 3600 ? 1 : 2;
        is $idp->pass($browser, 'eleve'), $trips, $trips == 1 ? '... in time' : '... one fresh request';
        is $browser->url, base() . '/ent/late?x', '... at the page';
        ok user($browser), '... in';
    }
    $server->set_time(time);
};

subtest 'an answer that stood open for ten minutes' => sub {
    my $browser = answered(browser(), '/ent/open');
    $server->set_time(time + 600);
    $idp->set_option(families => lifetime => 1200);    # of the next one: the portal's own clock did not move
    my $mark = $server->log->mark;
    $idp->send_answer($browser);
    $server->log_like(qr/auth_aten:info\].*AT0324: /, 'not believed', $mark);
    ok $idp->answers($browser), '... but asked for again';
    is $idp->pass($browser, 'eleve'), 1, '... once';
    is $browser->url, base() . '/ent/open', '... at the page';
    ok user($browser), '... in';
    $idp->reset_options;
    $server->set_time(time);
};

subtest 'clocks that are apart' => sub {
    $server->set_time(time + 600);
    my $mark    = $server->log->mark;
    my $browser = answered(browser(), '/ent/clock');
    is $idp->pass($browser, 'eleve'), 2, 'ten minutes ahead: two trips';
    ok !session($browser), '... no session';
    cmp_ok $browser->page->status, '>=', 400, '... a page, no loop';
    # Its answers are good for 300 seconds.
    $server->log_like(qr/auth_aten:(?:error|warn)\].*AT0324: .*\b(?:29|30)\d seconds/, '... the log says how far',
        $mark);
    $server->set_time(time - 200);
    $mark = $server->log->mark;
    $browser = answered(browser(), '/ent/clock');
    is $idp->pass($browser, 'eleve'), 1, 'behind: one trip';
    ok !session($browser), '... no session';
    # They are good from 30 seconds before they were made.
    $server->log_like(qr/auth_aten:(?:error|warn)\].*AT0323: .*\b1[67]\d seconds/, '... the log says how far', $mark);
    $server->set_time(time - 45);
    comes_in(main => 'eleve', 'within the 60 seconds that clocks may differ');
    for my $apart (-350, 600) {
        $server->set_time(time + $apart);
        comes_in(scope => 'eleve1d', "$apart s, where AtenPortalClockSkew says 400");
    }
    $server->set_time(time);
};

# --- out ---

subtest 'logout' => sub {
    my $browser = login(site(), 'eleve', idp => $idp);
    ok session($browser), 'in';
    my $page = $browser->get(base() . '/aten/logout');
    ok !session($browser), 'out';
    is $page->h1, 'Vous êtes déconnecté', '... a page says so';
    like $page->text, qr/peut-être encore connecté au guichet/, '... and that the portal may have a session of its own';
    $browser->get(base() . '/ent/');
    is $browser->page->h1, 'Indiquez votre profil', '... and the chooser again';
};

# --- addresses ---

subtest 'AtenPath, AtenServiceEntityID' => sub {
    my $browser = browser();
    my $page    = $browser->get(base('path') . '/ent/x', until => \&to_portal);
    my $request = request_of($page->location);
    like $request, qr{>urn:test:ent</}, 'our name';
    like $request, qr{AssertionConsumerServiceURL="\Q@{[ base('path') ]}\E/connexion/saml/acs"}, '... and address';
    $browser->get($page->location);
    $idp->pass($browser, 'eleve');
    is $browser->url, base('path') . '/ent/x', 'in';
    my @paths = map { $_->{from} =~ m{^https?://[^/]+([^?]*)} ? $1 : () } $browser->page->redirects;
    is "@paths", '/connexion/saml/acs /connexion/saml/done', '... by these addresses';
    is $browser->get(base('path') . '/aten/saml/metadata')->status, 404, '/aten is not ours there';
};

subtest 'behind a front that does TLS' => sub {
    my $browser = browser(ca => $server->tls->ca_file);
    $browser->get(base('front') . '/ent/x?y');
    ok $idp->asks($browser), 'to the portal';
    $idp->pass($browser, 'eleve');
    is $browser->url, base('front') . '/ent/x?y', 'and back by https';
    is user($browser), 'eleve:701294@0340039X', '... in';
    my ($acs, $done) = map { $_->{page} } $browser->page->redirects;
    like +($acs ? $acs->header_all('set-cookie') : '')[0],
        qr{^__Secure-port8-result=[\w-]+; Path=/aten/saml/done; Max-Age=60; Secure; HttpOnly; SameSite=Lax$},
        'the result is Secure';
    ok session($browser, 'front'), 'the session __Host-';
    is_deeply [$browser->jar->refused], [], '... and a browser takes all of them';
};

# --- the log ---

my $log = $server->log->text;
unlike $log, qr/PHNhbWxw|PD94bWw|SAMLResponse=/, 'no message of the portal in the log';
unlike $idp->output_text, qr/PHP (?:Warning|Fatal|Parse)/, 'and the portal itself had no trouble';
$server->clean_log_ok;
done_testing;

# Single logout with a real portal (simplesamlphp), as a browser goes it: begun here and begun there, by Redirect and by
# POST, several services in the portal's session, those that cannot or will not end theirs, and what must end nothing.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::IdP ();
use Aten::URL ();
use IO::Compress::RawDeflate ();
use IO::Uncompress::RawInflate ();
use MIME::Base64 ();
use Storable ();

need_module;
Aten::IdP::available() or BAIL_OUT('simplesamlphp and php-cli are not installed: run make deps');

my $idp = Aten::IdP->new;
my ($families, $agents) = map { $idp->entity_id($_) } qw(families agents);
my $slo = $idp->url('families', '/saml2/idp/SingleLogoutService.php');

# --- the services: each a virtual host, with a cookie and a key of its own ---

# logout, edit: what the metadata that it reads has of the portal's addresses for logouts.
my %host = (
    main    => { port => 'PORT' },
    second  => { port => 'PORT2' },
    keyless => { port => 'PORT3', keyless => 1 },
    nowhere => { port => 'PORT4', logout => 'none' },
    post    => { port => 'PORT5', logout => 'post' },
    answers => { port => 'PORT6', edit => sub ($text) {
        $text =~ s{(<md:SingleLogoutService [^>]*Location="([^"]+)")}{$1 ResponseLocation="$2?reponse=1"}r;
    } },
    front   => { port => 'PORT7', base => 'https://localhost:@HTTPS_PORT@' },    # a front does TLS for it
);

sub host ($which) {
    my $port   = $host{$which}{port};
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    my $keys   = $host{$which}{keyless} ? '' : <<~"END";
        AtenServiceKey \@ROOT\@/tls/$which.key
        AtenServiceCertificate \@ROOT\@/tls/$which.pem
        END
    return $listen . <<~"END";
        <VirtualHost 127.0.0.1:\@$port\@>
            ServerName localhost
            AtenSessionCookie $which
            @{[ $host{$which}{base} ? "AtenBaseURL $host{$which}{base}" : '' ]}
            AtenHome /accueil/
            AtenPortalMetadata \@ROOT\@/conf/$which.xml
            AtenPortal $families
            $keys
            <AtenProfile eleves-parents>
                AtenLabel "élèves ou parents"
                AtenBackend aten
            </AtenProfile>
            <AtenProfile agents>
                AtenLabel "agents"
                AtenBackend aten $agents
            </AtenProfile>
            ScriptAlias /accueil \@CGI\@/env
            ScriptAlias /ent     \@CGI\@/env
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
        </VirtualHost>
        END
}

my $server = Aten::Server->prepare(https => 1);
for my $which (sort keys %host) {
    Aten::IdP::make_key($server->root . "/tls/$which");
    $idp->set_option($_ => logout => $host{$which}{logout} // 'redirect') for qw(families agents);
    $idp->metadata_file([], file => $server->root . "/conf/$which.xml", edit => $host{$which}{edit});
}
$idp->reset_options;
my $config = join('', map { host($_) } sort keys %host) . <<~'END';
    <VirtualHost *:@HTTPS_PORT@>
        ServerName localhost
        @TLS_CONFIG@
        ProxyPass / http://127.0.0.1:@PORT7@/
        ProxyPreserveHost On
    </VirtualHost>
    END
utf8::encode($config);
$server->set_config($config);
$server->run;

sub base ($which = 'main') {
    return 'https://localhost:' . $server->var('HTTPS_PORT') if $which eq 'front';
    return 'http://localhost:' . $server->var($host{$which}{port});
}

package Site {
    sub url ($self, $path, %option) { return main::base($self->{which}) . $path }
}
sub site ($which = 'main') { return bless { which => $which }, 'Site' }

my %service = map {
    $_ => $idp->trust('http://localhost:' . $server->var($host{$_}{port}) . '/aten/saml/metadata')
} sort keys %host;

# --- what a person does, and what is looked at ---

# Logged in at a service; in the portal's session that the browser has, if there is one.
sub in ($which = 'main', %option) {
    my $browser = login(site($which), $option{as} // 'eleve', idp => $idp, profile => qr/eleves-parents/, %option);
    identity_of($browser)->{REMOTE_USER} or die 'not in: ' . $browser->url . "\n" . $browser->page->text;
    return $browser;
}

# The link of a page of that service.
sub leave ($browser, $which = 'main', %option) {
    my $to = delete $option{to};
    return $browser->get(base($which) . '/aten/logout' . (defined $to ? '?to=' . Aten::URL::escape($to) : ''),
        from => base($which) . '/ent/', %option);
}

sub cookie ($browser, $which = 'main') { return $browser->jar->find($which) }
sub to_portal ($address) { return $address =~ m{/saml2/idp/SingleLogoutService\.php\?} }

# The same browser with the cookies that it has now: what somebody copied.
sub copy_of ($browser) {
    my $copy = browser();
    $copy->jar->{cookies} = Storable::dclone($browser->jar->{cookies});
    return $copy;
}

sub is_live ($browser, $which) {
    return $browser->fetch(base($which) . '/aten/session', from => base($which) . '/')->json->{authenticated};
}
sub live_ok ($browser, $name, $which = 'main') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(is_live($browser, $which), $name);
}
# What COPY has of a session opens nothing.
sub dead_ok ($copy, $name, $which = 'main') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $cookie = cookie($copy, $which) or return ok(0, "$name: there is no copy");
    return ok(!is_live($copy, $which), $name);
}

# Does the portal know the person still? Asked by a service that is nobody's.
sub portal_knows ($browser) {
    $browser->get($idp->unsolicited_url($idp->other_service('asking')));
    return !$idp->asks($browser);
}

sub parameter ($url, $name) {
    my ($value) = $url =~ /[?&]\Q$name\E=([^&]*)/ or return undef;
    return $value =~ tr/+/ /r =~ s/%([0-9a-f]{2})/chr hex $1/gier;
}
sub message ($url, $name) {
    my $deflated = MIME::Base64::decode(parameter($url, $name) // return undef);
    IO::Uncompress::RawInflate::rawinflate(\$deflated => \my $xml) or die 'not deflated';
    return $xml;
}
# The same address with another text in its message.
sub changed ($url, $parameter, $from, $to) {
    my $xml = message($url, $parameter) =~ s/$from/$to/r;
    IO::Compress::RawDeflate::rawdeflate(\$xml => \my $deflated) or die 'cannot deflate';
    my $text = Aten::URL::escape(MIME::Base64::encode($deflated, ''));
    return $url =~ s/([?&]$parameter=)[^&]+/$1$text/r;
}

# NameID (whole) and SessionIndex of a message.
sub subject_of ($xml) {
    my ($name)  = $xml =~ m{(<(?:\w+:)?NameID\b.*?</(?:\w+:)?NameID>)}s;
    my ($index) = $xml =~ m{<(?:\w+:)?SessionIndex>([^<]*)<} ? $1 : $xml =~ /\bSessionIndex="([^"]+)"/;
    my %name    = $name =~ /\b(Format|NameQualifier|SPNameQualifier)="([^"]*)"/g;
    return { %name, name => $name =~ s/<[^>]+>//gr, index => $index };
}

# The portal's page that sends itself, by POST.
sub send_page ($browser, $field, %option) {
    return $browser->submit({}, form => Aten::IdP::form_with($browser, $field), %option);
}

# Since SEEN, the portal got nothing that it had to complain about.
sub content_ok ($seen) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @lines = grep { / (?:WARNING|ERROR) / } split /\n/, substr $idp->log, $seen;
    return is_deeply(\@lines, [], 'the portal is content');
}

# The portal's own logout, to its end. Returns the addresses by which it went.
sub leave_there ($browser, %option) {
    $browser->get($idp->logout_url, %option);
    return map { $_->{to} } $browser->page->redirects;
}

# Nothing of the messages of a logout may stand in the log.
my @secrets;
sub secret ($subject) { push @secrets, grep { length } @$subject{qw(name index)}; return $subject }

# --- begun here ---

subtest 'from here to the portal and back, redirect by redirect' => sub {
    my $browser = login_page(site(), profile => qr/eleves-parents/);
    $idp->enter($browser, 'eleve');
    my $said = secret(subject_of(MIME::Base64::decode($idp->answer($browser)->{SAMLResponse})));
    $idp->send_answer($browser);
    my $copy = copy_of($browser);

    my $page = leave($browser, 'main', to => '/ent/x?y=1', until => \&to_portal);
    is $page->status, 303, 'the link leads';
    my $url = $page->location;
    is index($url, "$slo?SAMLRequest="), 0, '... to the portal';
    my ($gone) = grep { /^main=;/ } $page->header_all('set-cookie');
    like $gone, qr/Max-Age=0/, 'the session is taken away';
    ok !cookie($browser), '... from the browser too';
    dead_ok $copy, '... and is ended before the portal knows of it';
    my ($waits) = grep { /^main-logout=/ } $page->header_all('set-cookie');
    like $waits, qr{^main-logout=[\w-]+; Path=/aten/saml/logout; Max-Age=\d{2,3}; HttpOnly; SameSite=Lax$},
        'what waits for the answer: sealed, Lax, for one address and some minutes';
    is $page->header('cache-control'), 'no-store', '... stored nowhere';

    my $request = message($url, 'SAMLRequest');
    my $relay   = parameter($url, 'RelayState');
    like $relay, qr/^[\w-]{22}$/, 'RelayState is a nonce';
    like $request, qr/^<(?:\w+:)?LogoutRequest[^>]*\bID="l\Q$relay\E"/, 'the request has it as its ID';
    my @parts = ('Version="2.0"', qq(Destination="$slo"), 'NotOnOrAfter="');
    like $request, qr/^<[^>]*\Q$_\E/, "... and $_" for @parts;
    like $request, qr{<(?:\w+:)?Issuer[^>]*>\Q$service{main}\E</}, '... and our name';
    is_deeply subject_of($request), $said, '... and NameID, format, qualifiers and SessionIndex as the portal gave them'
        or diag $request;
    like $url, qr/&SigAlg=http%3A%2F%2Fwww\.w3\.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=/i,
        'signed by RSA-SHA256';

    my $seen = length $idp->log;
    $browser->get($url, from => base() . '/ent/', until => sub ($to) { index($to, base()) == 0 });
    like substr($idp->log, $seen), qr/Validation with key #0 succeeded/, 'the portal has checked the signature';
    is parameter($browser->page->location, 'RelayState'), $relay, 'it gives RelayState back';
    $page = $browser->get($browser->page->location, from => $slo, follow => 0);
    is $page->status, 303, 'the answer is taken';
    is $page->location, base() . '/ent/x?y=1', '... and leads to where somebody wanted to go';
    like join(' ', $page->header_all('set-cookie')), qr{main-logout=;[^ ]* ?Path=/aten/saml/logout; Max-Age=0},
        '... nothing waits any more';
    is_deeply [$browser->jar->refused], [], 'a browser takes all these cookies';
    $browser->get($page->location);
    ok !cookie($browser), 'there one is nobody';
    ok !portal_knows($browser), 'nor has the portal a session';
    $browser = in('main', browser => $browser);
    live_ok $browser, 'a new login lives';
    dead_ok $copy, '... and the old session does not with it';
};

subtest 'the page that says what was ended' => sub {
    my $browser = in();
    leave($browser);
    is $browser->page->status, 200, 'without an address to go to: a page';
    is $browser->page->h1, 'Vous êtes déconnecté', '... of the logout';
    like $browser->page->text, qr/Votre session de l’ENT est terminée/, '... which names the ENT';
    like $browser->page->text, qr/Le guichet vous a déconnecté aussi/, '... and the portal';
    my $english = in('main', browser => browser(lang => 'en'));
    leave($english);
    like $english->page->text, qr/The ATEN portal has logged you out as well/, 'in English too';
    leave($english, 'main', to => '//evil.example/');
    like $english->page->text, qr/You have no open session/, 'nobody is there, and an address elsewhere is none';
    is_deeply [grep { !/^\Q@{[ base() ]}\E/ } map { $_->{url} } $english->page->links], [], '... no link leads there';
};

subtest 'by https' => sub {
    my $browser = in('front', browser => browser(ca => $server->tls->ca_file));
    my $page    = leave($browser, 'front', to => '/accueil/', until => \&to_portal);
    my ($waits) = grep { /front-logout=[\w-]/ } $page->header_all('set-cookie');
    like $waits, qr/^__Secure-front-logout=.*; Secure; HttpOnly; SameSite=Lax$/, 'what waits is for https alone';
    $browser->get($page->location, from => base('front') . '/');
    is $browser->url, base('front') . '/accueil/', '... and comes back';
    is_deeply [map { $_->{name} } $browser->jar->all('localhost')], [], '... no cookie is left';
    is_deeply [$browser->jar->refused], [], '... and a browser has taken them all';
};

subtest 'a long way' => sub {
    my $to = '/accueil/?' . 'x' x 2038;
    my $browser = in();
    is leave($browser, 'main', to => $to)->url, base() . $to, 'the longest address comes back whole';
};

subtest 'whatever the portal said of the person' => sub {
    my @shapes = (
        ['a NameID that stays',                           { name_id => 'persistent' }],
        ['an encrypted assertion',                        { encrypt => 1 }],
        ['an encrypted NameID',                           { encrypt_name_id => 1 }],
        ['an encrypted NameID in an encrypted assertion', { encrypt => 1, encrypt_name_id => 1 }],
    );
    for my $shape (@shapes) {
        my ($why, $options) = @$shape;
        $idp->reset_options->set_option(families => %$options);
        my $browser = in();
        my $request = message(leave($browser, 'main', until => \&to_portal)->location, 'SAMLRequest');
        my $subject = secret(subject_of($request));
        is $subject->{SPNameQualifier}, $service{main}, "$why: its qualifier goes along";
        like $subject->{Format}, $options->{name_id} ? qr/:persistent$/ : qr/:transient$/, '... its format';
        $browser->get($browser->page->location, from => base() . '/');
        like $browser->page->text, qr/Le guichet vous a déconnecté aussi/, '... logged out there too';
    }
    $idp->reset_options;
};

subtest 'a page of another site' => sub {
    my $browser = in();
    leave($browser, 'main', from => 'http://evil.example/', to => '/accueil/y');
    is $browser->page->status, 200, 'a link there';
    is $browser->page->h1, 'Voulez-vous vous déconnecter ?', '... gives a page that asks';
    live_ok $browser, '... and ends nothing';
    my ($yes) = grep { /confirm=/ } map { $_->{href} } $browser->page->links;
    my $other = in();
    $other->get(base() . $yes, from => 'http://evil.example/');
    live_ok $other, 'what it asks for is for one session alone';
    for my $dest (qw(image iframe)) {
        $browser->fetch(base() . '/aten/logout', dest => $dest, from => 'http://evil.example/');
        live_ok $browser, "an $dest there ends nothing";
    }
    $browser->click('Me déconnecter');
    is $browser->url, base() . '/accueil/y', '« Me déconnecter » does, and leads where the link would have';
    ok !portal_knows($browser), '... at the portal too';

    my %without = (headers => { map { ("sec-fetch-$_" => undef) } qw(site mode dest user) });
    my $older = in('main', browser => browser());
    leave($older, 'main', %without, from => undef, follow => 0);
    live_ok $older, 'a browser without Sec-Fetch-Site, and without a Referer: asked too';
    leave($older, 'main', %without, from => 'http://localhost.evil.example/', follow => 0);
    live_ok $older, '... with one of another host';
    my $copy = copy_of($older);
    leave($older, 'main', %without, follow => 0);
    dead_ok $copy, '... with one of ours it is ended';
};

# --- where the portal cannot be told ---

subtest 'no key of ours, or no address of the portal' => sub {
    for my $which (qw(keyless nowhere)) {
        my $browser = in($which);
        my $copy    = copy_of($browser);
        my $page    = leave($browser, $which);
        is scalar($page->redirects), 0, "$which: the browser stays here";
        like $page->text, qr/Votre session de l’ENT est terminée/, '... the session has ended here';
        like $page->text, qr/Vous êtes peut-être encore connecté au guichet/, '... and the page says what has not';
        dead_ok $copy, '... ended for copies too', $which;
        ok portal_knows($browser), '... the portal knows the person still';
    }
    my $browser = in('keyless');
    my $copy    = copy_of($browser);
    leave_there($browser);
    dead_ok $copy, 'begun at the portal: it ends without a key of ours too', 'keyless';
};

# --- several services in the portal's session ---

subtest 'two services of ours' => sub {
    my $browser = in('main');
    in('second', browser => $browser);
    my $copy = copy_of($browser);
    leave($browser, 'main', to => '/accueil/');
    is $browser->url, base() . '/accueil/', 'logged out of one';
    ok !cookie($browser, 'second'), '... the other has taken its session away';
    dead_ok $copy, '... and ended it, for copies too', 'second';
    my @hops = grep { m{/aten/saml/logout} } map { $_->{to} } $browser->page->redirects;
    is scalar(@hops), 2, 'the browser came by both';
    like $hops[0], qr/^\Q@{[ base('second') ]}\E.*SAMLRequest=/, '... the portal asked the second';
    like $hops[1], qr/^\Q@{[ base() ]}\E.*SAMLResponse=/, '... and answered the first';
};

# In the portal's session are we, and a service of that kind.
sub beside ($kind) {
    my $browser = in();
    $browser->get($idp->unsolicited_url($idp->other_service($kind)));
    $idp->answers($browser) or die 'the portal does not answer for ' . $kind;
    return $browser;
}

subtest 'a service that does not end its session' => sub {
    my $browser = beside('agrees');
    leave($browser, 'main', to => '/accueil/z');
    is $browser->url, base() . '/accueil/z', 'one that does: all is well';
    for my $kind (qw(refuses mute)) {
        $browser = beside($kind);
        my $copy = copy_of($browser);
        my $mark = $server->log->mark;
        my $page = leave($browser, 'main', to => '/accueil/z');
        is $page->url =~ s/\?.*//r, base() . '/aten/saml/logout', "$kind: no way on that looks like a success";
        like $page->text, qr/Votre session de l’ENT est terminée/, '... a page: ended here';
        like $page->text, qr/Le guichet n’a pas pu fermer toutes vos sessions/, '... but not everywhere';
        unlike $page->text, qr/vous a déconnecté aussi/, '... and nothing else is said';
        is $page->link('Continuer')->{url}, base() . '/accueil/z', '... with the way that was asked for';
        $server->log_like(qr/auth_aten:info\].*AT0334: .*Success.*PartialLogout/, '... the log has what it said',
            $mark);
        dead_ok $copy, '... the session is ended all the same';
    }
};

subtest 'a service that never answers' => sub {
    my $browser = beside('silent');
    my $copy = copy_of($browser);
    leave($browser, 'main', to => '/accueil/z');
    like $browser->page->text, qr/Panne/, 'the browser stays there';
    ok !cookie($browser), 'the session is gone';
    dead_ok $copy, '... ended';
    in('main', browser => $browser);
    live_ok $browser, 'and a new login is a new one';
};

# --- begun at the portal ---

subtest 'the portal begins, by Redirect' => sub {
    my $seen    = length $idp->log;
    my $browser = in();
    my $copy    = copy_of($browser);
    my $mark    = $server->log->mark;
    my @hops    = leave_there($browser);
    is $browser->url, $idp->logged_out_url, 'from the portal to the portal';
    my ($request) = grep { m{/aten/saml/logout\?SAMLRequest=} } @hops;
    my ($answer)  = grep { m{SingleLogoutService\.php\?SAMLResponse=} } @hops;
    secret(subject_of(message($request, 'SAMLRequest')));
    is parameter($answer, 'RelayState'), parameter($request, 'RelayState'), 'its RelayState came back';
    my $response = message($answer, 'SAMLResponse');
    my ($id) = message($request, 'SAMLRequest') =~ /\bID="([^"]+)"/;
    like $response, qr/^<(?:\w+:)?LogoutResponse[^>]*\bInResponseTo="\Q$id\E"/, 'the answer is one to its request';
    like $response, qr/^<[^>]*\bDestination="\Q$slo\E"/, '... for its address';
    like $response, qr/StatusCode Value="urn:oasis:names:tc:SAML:2\.0:status:Success"\s*\/>/, '... Success';
    like $answer, qr/&SigAlg=[^&]*rsa-sha256&Signature=/, '... signed';
    ok !cookie($browser), 'the session is taken away';
    dead_ok $copy, '... and ended for copies';
    $server->log_like(qr/auth_aten:info\].*AT0136: .*\Q$families\E/, 'the log says by whom', $mark);
    content_ok($seen);

    $idp->set_option(families => encrypt_name_id => 1);
    $browser = in();
    $copy    = copy_of($browser);
    ($request) = grep { /SAMLRequest=/ } leave_there($browser);
    like message($request, 'SAMLRequest'), qr/EncryptedID/, 'an encrypted NameID';
    is $browser->url, $idp->logged_out_url, '... comes to the end too';
    dead_ok $copy, '... the session is ended';
    $idp->reset_options;
};

subtest 'the portal begins, in a browser without our cookies' => sub {
    my $browser = in();
    my $copy    = copy_of($browser);
    my $to_us   = sub ($to) { $to =~ m{/aten/saml/logout} };
    leave_there($browser, until => $to_us);
    my $request = $browser->page->location;
    my $page    = browser()->get($request, from => $slo, follow => 0);
    is $page->status, 303, 'the message alone is enough';
    dead_ok $copy, '... the session is ended';
    ok !grep({ /^main=;/ } $page->header_all('set-cookie')), '... no cookie was there to be taken away';

    # The same request once more: the person has come back in the meantime.
    my $again = in('main', browser => browser(), as => 'eleve');
    $page = $again->get($request, from => $slo, follow => 0);
    like message($page->location, 'SAMLResponse'), qr/status:Success"/, 'the same request again: answered the same';
    live_ok $again, '... and ends nothing that began afterwards';
    ok cookie($again), '... no cookie is taken away';
};

subtest 'somebody else, or the same person elsewhere, stays' => sub {
    $idp->set_option(families => name_id => 'persistent');
    my ($browser, $elsewhere, $other) = (in(), in(), in('main', as => 'parent'));
    my $copy = copy_of($browser);
    leave_there($browser);
    dead_ok $copy, 'the session of that browser ends';
    live_ok $elsewhere, 'the same person in another browser: by the same NameID, of another SessionIndex: stays in';
    live_ok $other, 'so does somebody else';

    # This browser's own session is not the one that the message names.
    my $victim = in();
    leave_there($victim, until => sub ($to) { $to =~ m{/aten/saml/logout} });
    my $page = $other->get($victim->page->location, from => $slo, follow => 0);
    is $page->status, 303, 'a message about another session, in this browser';
    live_ok $other, '... leaves its own';
    ok cookie($other), '... and its cookie';
    ok !is_live($victim, 'main'), '... and ends the one that it names';
    $idp->reset_options;
};

subtest 'the portal begins, by POST' => sub {
    $idp->trust(base() . '/aten/saml/metadata', logout => 'post');
    for my $options ({}, { encrypt_name_id => 1 }) {
        my $why = $options->{encrypt_name_id} ? 'with an encrypted NameID' : 'as it is';
        $idp->reset_options->set_option(families => %$options);
        my $browser = in();
        my $copy    = copy_of($browser);
        $browser->get($idp->logout_url);
        my $page = send_page($browser, 'SAMLRequest', until => \&to_portal);
        is $page->status, 303, "$why: the form is taken, and answered by Redirect";
        ok !exists $page->request->{headers}{cookie}, '... a POST from another site brings no cookie';
        dead_ok $copy, '... the session is ended';
        $browser->get($page->location, from => base() . '/');
        is $browser->url, $idp->logged_out_url, '... and the portal goes on to its end';
        ok !is_live($browser, 'main'), '... the cookie that is left opens nothing';
    }
    $idp->reset_options;
    $idp->trust(base() . '/aten/saml/metadata');
};

subtest 'a portal that takes answers at another address' => sub {
    my $browser = in('answers');
    my @hops    = leave_there($browser);
    my ($answer) = grep { /SAMLResponse=/ } @hops;
    is index($answer, "$slo?reponse=1&SAMLResponse="), 0, 'its ResponseLocation, query and all';
    like message($answer, 'SAMLResponse'), qr/Destination="\Q$slo?reponse=1\E"/, '... is the destination';
    is $browser->url, $idp->logged_out_url, '... and the portal is content';
    like leave(in('answers'), 'answers', until => \&to_portal)->location, qr/^\Q$slo\E\?SAMLRequest=/,
        'requests go to the other';
};

subtest 'a portal of POST alone' => sub {
    $idp->trust(base('post') . '/aten/saml/metadata', logout => 'post');
    my $browser = in('post');
    my $copy    = copy_of($browser);
    $browser->get($idp->logout_url);
    my ($relay) = map { $_->[1] } grep { $_->[0] eq 'RelayState' } @{ ($browser->page->forms)[0]{fields} };
    my $page = send_page($browser, 'SAMLRequest');
    is $page->status, 200, 'the answer is a page';
    dead_ok $copy, '... the session has ended', 'post';
    is $page->h1, 'Votre session de l’ENT est terminée', '... as it says';
    my ($form) = $page->forms;
    is $form->{action}, $slo, '... its form leads to the portal';
    is $form->{method}, 'post', '... by POST';
    my %field = map { $_->[0] => $_->[1] } @{ $form->{fields} };
    is $field{RelayState}, $relay, '... with its RelayState';
    like MIME::Base64::decode($field{SAMLResponse}), qr/<(?:\w+:)?Signature\b/, '... signed inside';
    unlike $page->html, qr/<script/, '... sent by a button, not by a script';
    # A portal that takes forms has SameSite=None, which is for https alone; this one leaves it to the browser.
    $_->{samesite} = 'none' for grep { $_->{domain} eq 'familles.localhost' } @{ $browser->jar->{cookies} };
    my $seen = length $idp->log;
    $browser->submit;
    is $browser->url, $idp->logged_out_url, 'the portal goes on to its end';
    content_ok($seen);

    # Begun here: its address for requests is no Redirect.
    $browser = in('post');
    like leave($browser, 'post')->text, qr/encore connecté au guichet/, 'begun here it cannot be told';
    $idp->trust(base('post') . '/aten/saml/metadata');
};

subtest 'a portal that answers by POST' => sub {
    $idp->trust(base() . '/aten/saml/metadata', logout => 'post');
    my $browser = in();
    my $copy    = copy_of($browser);
    leave($browser, 'main', to => '/accueil/p');
    ok $idp->answers($browser), 'its answer is a form';
    my $page = send_page($browser, 'SAMLResponse');
    is $page->url, base() . '/accueil/p', '... which leads to where the person wanted';
    my ($hop) = $page->redirects;
    ok !exists $hop->{page}->request->{headers}{cookie}, '... though it brought no cookie';
    ok !$browser->jar->find('main-logout'), '... and what waited waits no more';
    dead_ok $copy, '... the session is ended';

    $browser = beside('refuses');
    leave($browser, 'main', to => '/accueil/p');
    $page = send_page($browser, 'SAMLResponse');
    like $page->text, qr/Le guichet n’a pas pu fermer toutes vos sessions/, 'one that says: not everywhere';
    $idp->trust(base() . '/aten/saml/metadata');
};

# --- a login under way ---

subtest 'a logout while a login is under way' => sub {
    my $browser = login_page(site(), profile => qr/eleves-parents/);
    $idp->enter($browser, 'eleve');
    my $done = $idp->send_answer($browser, follow => 0)->location;
    like $done, qr{/aten/saml/done\?}, 'the answer is taken, the session not granted yet';
    leave_there($browser->tab);
    my $mark = $server->log->mark;
    my $page = $browser->get($done, from => $idp->url);
    ok !cookie($browser), 'the portal ends it in between: no session';
    is $page->h1, 'Votre session a été fermée pendant la connexion', '... a page that says so';
    $server->log_like(qr/AT0136: /, '... and the log', $mark);
    $browser = in('main', browser => $browser);
    live_ok $browser, 'and the next login is a good one';
};

# --- what is not believed ---

# A page with a reference, a line in the log with both; nothing has ended.
sub refused_ok ($browser, $page, $tag, $why, %option) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($page->status == 400 || $page->status == 403, "$why: refused") or diag $page->status . ' ' . $page->text;
    my $reference = $page->text =~ /: ([0-9a-f]{10})/ ? $1 : 'none';
    $server->log_like(qr/auth_aten:\w+\].*\Q$tag\E: .*\(reference $reference\)/, '... with its line',
        $option{mark} // 0);
    live_ok($browser, '... nothing has ended');
    return;
}

subtest 'requests that are not the portal\'s' => sub {
    $idp->set_option(families => sign_logout => 0);
    my $browser = in();
    my $mark    = $server->log->mark;
    leave_there($browser);
    refused_ok $browser, $browser->page, 'AT0310', 'one that is not signed', mark => $mark;
    $idp->reset_options;

    $browser = in();
    leave_there($browser, until => sub ($to) { $to =~ m{/aten/saml/logout} });
    my $request = $browser->page->location;
    my $page = $browser->get($request =~ s/RelayState=[^&]+/RelayState=other/r, from => $slo, follow => 0);
    refused_ok $browser, $page, 'AT0313', 'another RelayState under the same signature';
    my $other = changed($request, 'SAMLRequest', qr/SessionIndex>_/, 'SessionIndex>_0');
    $page = $browser->get($other, from => $slo, follow => 0);
    refused_ok $browser, $page, 'AT0313', 'another SessionIndex';
    $page = $browser->get($request =~ s/^\Q@{[ base() ]}\E/base('second')/er, from => $slo, follow => 0);
    refused_ok $browser, $page, 'AT0320', 'sent to another service of the same portal';
    $page = $browser->get($request =~ s/&Sig(?:Alg|nature)=[^&]*//gr, from => $slo, follow => 0);
    refused_ok $browser, $page, 'AT0310', 'without its signature';
    $page = $browser->get($request =~ s/SAMLRequest/SAMLResponse/r, from => $slo, follow => 0);
    refused_ok $browser, $page, 'AT0301', 'as if it were an answer';
    $page = $browser->get(base() . '/aten/saml/logout', from => $slo, follow => 0);
    ok $page->status >= 400, 'no message at all';
    live_ok $browser, '... ends nothing';
    $browser->get($request, from => $slo);
    ok !cookie($browser), 'while the message as it was ends the session';
};

subtest 'answers that nobody waits for' => sub {
    my ($one, $other) = (in(), in('main', as => 'parent'));
    leave($one, 'main', to => '/accueil/', until => sub ($to) { $to =~ /SAMLResponse=/ });
    my $answer = $one->page->location;
    my $mark   = $server->log->mark;
    my $page   = $other->get($answer, from => $slo);
    cmp_ok $page->status, '>=', 400, 'the answer of another browser\'s logout';
    is $page->h1, 'La réponse du guichet n’a pas été acceptée', '... a page';
    $server->log_like(qr/AT0171: /, '... and a line in the log', $mark);
    live_ok $other, '... the session goes on';
    $one->get($answer, from => $slo);
    is $one->url, base() . '/accueil/', 'the browser that waits for it';
    $page = $one->get($answer, from => $slo);
    is $page->h1, 'La réponse du guichet n’a pas été acceptée', 'the same answer again (F5): a page, no loop';

    # Two logouts of one browser: the answer to the first, after the second began.
    $one = in();
    leave($one, 'main', to => '/accueil/1', until => sub ($to) { $to =~ /SAMLResponse=/ });
    my $late = $one->page->location;
    in('main', browser => $one);
    leave($one, 'main', to => '/accueil/2', until => sub ($to) { $to =~ /SAMLResponse=/ });
    my $good = $one->page->location;
    $page = $one->get($late, from => $slo);
    is $page->h1, 'La réponse du guichet n’a pas été acceptée', 'an answer to an earlier logout';
    $one->get($good, from => $slo);
    is $one->url, base() . '/accueil/2', '... and the one that waits still ends well';
};

subtest 'an answer that is not the portal\'s' => sub {
    my $browser = in();
    leave($browser, 'main', to => '/accueil/', until => sub ($to) { $to =~ /SAMLResponse=/ });
    my $answer = $browser->page->location;
    my @bad = (
        [AT0310 => 'not signed', $answer =~ s/&Sig(?:Alg|nature)=[^&]*//gr],
        [AT0313 => 'changed', changed($answer, 'SAMLResponse', qr/IssueInstant="2/, 'IssueInstant="1')],
        [AT0103 => 'twice', $answer . '&RelayState=x'],
    );
    for my $case (@bad) {
        my ($tag, $why, $url) = @$case;
        my $mark = $server->log->mark;
        my $page = $browser->get($url, from => $slo, follow => 0);
        like $page->status, qr/^40[03]$/, "$why: refused";
        $server->log_like(qr/auth_aten:\w+\].*\Q$tag\E: .*\(reference /, '... with its line', $mark);
    }
    $browser->get($answer, from => $slo);
    is $browser->url, base() . '/accueil/', 'what waits, waits for the good one';
};

my $log = $server->log->text;
ok !grep({ index($log, $_) >= 0 } @secrets), 'no NameID and no SessionIndex stands in the log: ' . @secrets;
$server->clean_log_ok(qr/AT01(?:03|36|71)|AT03(?:0[01]|1[036]|20|34)/);
done_testing;

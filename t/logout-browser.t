# A real browser logs out, with a real portal: by a link, at the portal, from the portal's frames, by forms that send
# themselves and forms that must not; and pages of other sites that would like it to.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::Chromium;
use Aten::IdP ();

need_module;
Aten::IdP::available()      or BAIL_OUT('simplesamlphp and php-cli are not installed: run make deps');
Aten::Chromium::available() or BAIL_OUT('chromium and chromium-driver are not installed: run make deps');

my $idp    = Aten::IdP->new;
my $server = Aten::Server->prepare;
Aten::IdP::make_key($server->root . "/tls/$_") for qw(service other);
$idp->metadata_file(['families'], file => $server->root . '/conf/service.xml');
# The other one believes that the portal takes forms alone.
$idp->set_option(families => logout => 'post');
$idp->metadata_file(['families'], file => $server->root . '/conf/other.xml');
$idp->reset_options;

sub service ($name) {
    return <<~"END";
        AtenSessionCookie $name
        AtenHome /accueil.html
        AtenPortalMetadata \@ROOT\@/conf/$name.xml
        AtenServiceKey \@ROOT\@/tls/$name.key
        AtenServiceCertificate \@ROOT\@/tls/$name.pem
        ScriptAlias /ent \@CGI\@/env
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        END
}
my $config = <<~"END";
    AtenBaseURL \@BASE\@
    @{[ service('service') ]}
    CustomLog logs/cookies.log "%v:%p %m %U %{Sec-Fetch-Dest}i %{Sec-Fetch-Site}i cookies: %{Cookie}i"
    Listen 127.0.0.1:\@PORT2\@
    <VirtualHost 127.0.0.1:\@PORT2\@>
        ServerName localhost
        AtenBaseURL http://localhost:\@PORT2\@
        @{[ service('other') ]}
        CustomLog logs/cookies.log "%v:%p %m %U %{Sec-Fetch-Dest}i %{Sec-Fetch-Site}i cookies: %{Cookie}i"
    </VirtualHost>
    END
utf8::encode($config);
$server->set_config($config);
sub page ($title, $body) {
    return "<!DOCTYPE html><html lang=fr><meta charset=utf-8><title>$title</title><link rel=icon href=data:,>$body";
}
$server->file('htdocs/accueil.html', page('accueil', '<h1>accueil</h1><a href="/aten/logout">Quitter</a> '
    . '<a href="/aten/logout?to=/accueil.html?fini">Quitter et revenir</a>'));
$server->run;

my %at = (service => $server->url(''), other => 'http://localhost:' . $server->var('PORT2'));
$server->file('htdocs/ailleurs.html', page('ailleurs', qq(<img src="$at{service}/aten/logout" alt="">)
    . qq(<iframe src="$at{service}/aten/logout" title="cadre"></iframe>)
    . qq(<a href="$at{service}/aten/logout?to=/accueil.html?fini">gagnez un prix</a>)));
$idp->trust("$at{$_}/aten/saml/metadata") for sort keys %at;

my $browser = Aten::Chromium->new;
sub text ()  { return $browser->script('return document.body.innerText') }

# The cookies of localhost, from whatever page.
sub session ($name = 'service') {
    my $answer = $browser->call(POST => "$browser->{session}/goog/cdp/execute",
        { cmd => 'Storage.getCookies', params => {} });
    return grep { $_->{name} eq $name && $_->{domain} eq 'localhost' } @{ $answer->{cookies} };
}

# What the last such request brought: dest, site, and the names of its cookies.
sub brought ($method, $path) {
    my @lines = grep { / \Q$method $path\E / } split /\n/, Aten::Process::slurp($server->root . '/logs/cookies.log');
    my ($dest, $site, $cookies) = ($lines[-1] // '') =~ /^\S+ \S+ \S+ (\S+) (\S+) cookies: (.*)/;
    return join ' ', $dest // 'none', $site // 'none', sort map { s/=.*//r } split /; /, $cookies // '';
}

# Logged in at a service, where the portal asks for the password or not.
sub enter ($name = 'service') {
    $browser->get("$at{$name}/ent/");
    if ($browser->url !~ m{^\Q$at{$name}\E/ent/}) {
        $browser->wait_url(qr{loginuserpass|^\Q$at{$name}\E/ent/});
        if ($browser->url =~ /loginuserpass/) {
            $browser->script('document.querySelector("[name=username]").focus()');
            $browser->press('eleve', 'tab', 'demo', 'enter');
        }
    }
    ok $browser->wait_url(qr{^\Q$at{$name}\E/ent/}), "logged in at the $name";
    return;
}

# Is one let in still? Ends on the page, or at the portal's form.
sub out_ok ($why, $name = 'service') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $browser->get("$at{$name}/ent/");
    return ok($browser->wait_url(qr{^http://familles\.localhost:\d+/module\.php/core/loginuserpass}), $why)
        || diag($browser->url);
}

# --- a link ---

enter();
$browser->get("$at{service}/accueil.html");
ok $browser->tab_to(qr/^Quitter$/), 'a link of the application';
$browser->press('enter');
ok $browser->wait_url(qr{^\Q$at{service}\E/aten/saml/logout\?SAMLResponse=}), 'to the portal and back';
like text(), qr/Vous êtes déconnecté\s.*Le guichet vous a déconnecté aussi/s, '... to the page that says what ended';
like brought('GET', '/aten/saml/logout'), qr/^document cross-site service-logout$/,
    '... the answer brought the cookie that waits for it, Lax as it is';
ok !session(), 'the session\'s cookie is gone';
ok !session('service-logout'), '... that of the logout too';
$browser->script('location.reload()');
select undef, undef, undef, 0.5;
like text(), qr/La réponse du guichet n’a pas été acceptée/, 'the same answer by F5: a page, no loop';
out_ok('nobody is in, here and at the portal');

enter();
$browser->get("$at{service}/accueil.html");
ok $browser->tab_to(qr/^Quitter et revenir$/), 'another link';
$browser->press('enter');
ok $browser->wait_url(qr{^\Q$at{service}\E/accueil\.html\?fini$}), 'ends where the application wanted';
$browser->script('history.back()');
select undef, undef, undef, 0.5;
unlike text(), qr/Référence/, 'the back button shows no error of ours';

# --- other sites ---

enter();
$browser->get($server->url('/ailleurs.html', host => 'ailleurs.localhost'));
select undef, undef, undef, 0.5;
is brought('GET', '/aten/logout'), 'iframe cross-site -', 'a frame of another site: asked for, without cookies';
$browser->get("$at{service}/ent/");
like text(), qr/"ATEN_ROLE": ?"eleve"/, '... the session goes on';
$browser->get($server->url('/ailleurs.html', host => 'ailleurs.localhost'));
$browser->script('document.querySelector("a").click()');
ok $browser->wait_url(qr{^\Q$at{service}\E/aten/logout}), 'a link there';
like brought('GET', '/aten/logout'), qr/^document cross-site service\b/, '... brings the session';
like text(), qr/Voulez-vous vous déconnecter/, '... and is answered by a question';
ok session(), '... nothing has ended';
ok $browser->tab_to(qr/^Me déconnecter$/), '« Me déconnecter »';
$browser->press('enter');
ok $browser->wait_url(qr{^\Q$at{service}\E/accueil\.html\?fini$}), '... does, by the portal';
ok !session(), '... the session is gone';

# --- at the portal ---

enter();
enter('other');
$browser->get($idp->logout_url);
ok $browser->wait_url(qr{^\Q$at{other}\E/aten/saml/logout}), 'the portal asks one service after the other';
like text(), qr/Votre session de l’ENT est terminée\s.*Retourner au guichet/s, '... one has a form, with a button';
ok !session('other'), '... its session is gone';
ok $browser->tab_to(qr/^Retourner au guichet$/), '... by keyboard';
$browser->press('enter');
ok $browser->wait_url(qr{^\Q@{[ $idp->logged_out_url ]}\E}), '... and the portal goes on to its end';
ok !session(), 'that one\'s session is gone too';
out_ok('nobody is in any more');

# --- forms that send themselves ---

$idp->trust("$at{service}/aten/saml/metadata", logout => 'post');
enter();
$browser->get("$at{service}/aten/logout");
ok $browser->wait_url(qr{/aten/saml/logout}), 'the portal answers by a form that sends itself';
like brought('POST', '/aten/saml/logout'), qr/^document cross-site -$/, '... across sites, without any cookie';
like text(), qr/Le guichet vous a déconnecté aussi/, '... and the page is there all the same';
ok !session('service-logout'), '... nothing waits any more';
enter();
$browser->get($idp->logout_url);
ok $browser->wait_url(qr{^\Q@{[ $idp->logged_out_url ]}\E}), 'the portal asks by a form that sends itself, and ends';
out_ok('nobody is in any more');
$idp->trust("$at{service}/aten/saml/metadata");

# --- frames ---

$idp->set_option(families => logout_type => 'iframe');
enter();
$browser->get($idp->logout_url);
$browser->script('document.getElementById("logout-all").click()');
ok $browser->wait_url(qr{^\Q@{[ $idp->logged_out_url ]}\E}, 10), 'the portal asks in frames, and comes to its end'
    or diag $browser->url . "\n" . text();
is brought('GET', '/aten/saml/logout'), 'iframe cross-site -', '... a frame brings no cookie';
my ($left) = session();
ok $left, 'so the cookie stays in the browser';
out_ok('... and opens nothing');

my $here = $server->url('');
# That page of another site had us in a frame, and the pages that refuse have their status.
my $expected = qr/frame-ancestors 'none'|status of 40[0-9]/;
is_deeply [grep { /\Q$here\E|Content Security Policy/ && !/$expected/ } $browser->console], [],
    'the browser has nothing to complain about here';
$browser->quit;
$server->clean_log_ok(qr/AT0(?:136|170|171)/);
done_testing;

# A real browser comes back from a real portal by a form that sends itself across sites: Lax cookies are enough, and a
# browser that has none of ours gets a page, not a loop.

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
my $cas    = Aten::CAS->new;
my $server = Aten::Server->new(
    cas => $cas, https => 1, vars => { METADATA => $idp->metadata_file, FAMILIES => $idp->entity_id },
    config => ent_config(server => <<~'END'),
        AtenPortalMetadata @METADATA@
        AtenPortal @FAMILIES@
        CustomLog logs/cookies.log "%m %U %{Sec-Fetch-Site}i cookies: %{Cookie}i"
        END
);
$idp->trust($server->url('/aten/saml/metadata'));

sub text ($browser) { return $browser->script('return document.body.innerText') }

sub cookies ($browser) {
    return map { $_->{name} => $_ } @{ $browser->call(GET => "$browser->{session}/cookie") };
}

# What the last request for an address brought: its site, and the names of its cookies.
sub brought ($request) {
    my $log   = Aten::Process::slurp($server->root . '/logs/cookies.log');
    my @lines = grep { index($_, "$request ") == 0 } split /\n/, $log;
    my ($site, $cookies) = ($lines[-1] // '') =~ /^\S+ \S+ (\S+) cookies: (.*)/;
    return join ' ', $site // 'none', sort map { s/=.*//r } split /; /, $cookies // '';
}

# At the portal's form: name and password by keyboard. Its page with the answer sends itself by script.
sub enter ($browser, $account) {
    ok $browser->wait_url(qr{^http://familles\.localhost:\d+/module\.php/core/loginuserpass}), 'at the portal';
    $browser->script('document.querySelector("[name=username]").focus()');
    $browser->press($account, 'tab', 'demo', 'enter');
    return;
}

my $browser = Aten::Chromium->new;
$browser->get($server->url('/ent/?page=1'));
like $browser->url, qr{/aten/login\?to=}, 'the protected page leads to the chooser';
ok $browser->tab_to(qr/établissement Education Nationale/), 'Tab reaches « élèves ou parents »';
$browser->press('enter');
enter($browser, 'parent');
ok $browser->wait_url(qr{^\Q@{[ $server->url('/ent/?page=1') ]}\E$}), 'back at the page that was asked for';
like text($browser), qr/"REMOTE_USER": ?"parent:L'Hérault-Müller:Françoise:600777\@0341234B"/, 'in, accents and all';
like text($browser), qr/"ATEN_UAI": ?"0340039X;0340039X;0341234B"/, 'with both schools';
is brought('POST /aten/saml/acs'), 'cross-site -', 'the answer came across sites, without any cookie';
like brought('GET /aten/saml/done'), qr/^cross-site aten-login-\d+ aten-result$/,
    '... and the address after it brought both: the login and its result, Lax as they are';
my %cookie = cookies($browser);
is_deeply [sort keys %cookie], ['aten'], 'the session is the only cookie that is left';
is $cookie{aten}{sameSite}, 'Lax', '... a Lax one';
ok $cookie{aten}{httpOnly}, '... that no script reads';

# Back, and forward: the answer stands in the history.
my $length = $browser->script('return history.length');
$browser->script('history.back()');
select undef, undef, undef, 1;
$browser->wait_url(qr{^\Q@{[ $server->url('/') ]}\E|familles}, 5);
unlike text($browser), qr/Référence/, 'the back button shows no error of ours';
$browser->get($server->url('/ent/?page=2'));
like text($browser), qr/"ATEN_ROLE": ?"parent"/, 'and the session goes on';

# The chooser shows who it is; another person.
$browser->get($server->url('/aten/login?to=/ent/'));
like text($browser), qr/Françoise L.Hérault-Müller/, 'the chooser shows who is connected';
ok $browser->tab_to(qr/Ce n.est pas vous/), '« Ce n’est pas vous ? » by keyboard';
$browser->press('enter');
ok $browser->wait_url(qr/switch=1/), 'the session ends';
ok $browser->tab_to(qr/établissement Education Nationale/), 'the profile again';
$browser->press('enter');
enter($browser, 'eleve');
ok $browser->wait_url(qr{^\Q@{[ $server->url('/ent/') ]}\E$}), 'the portal asked for the password again, and back';
like text($browser), qr/"REMOTE_USER": ?"eleve:701294\@0340039X"/, 'somebody else';

# A start at the portal: its session answers the fresh request without a screen.
$browser->get($idp->unsolicited_url($server->url('/aten/saml/metadata')));
ok $browser->wait_url(qr{^\Q@{[ $server->url('/') ]}\E$}), 'a start at the portal, under a session: the home page';
$browser->call(DELETE => "$browser->{session}/cookie/aten");
my $started = sub {
    # Cookies are deleted for the site of the page that is shown.
    $browser->get($server->url('/'));
    $browser->call(DELETE => "$browser->{session}/cookie");
    $browser->get($idp->unsolicited_url($server->url('/aten/saml/metadata')));
};
$started->();
ok $browser->wait_url(qr{^\Q@{[ $server->url('/') ]}\E$}), '... and without one: one fresh request, the home page';
ok +{ cookies($browser) }->{aten}, '... in';

# Cookies deleted while the person is at the portal.
$browser->get($server->url('/'));
$browser->call(DELETE => "$browser->{session}/cookie");
$browser->get($server->url('/aten/login?profile=eleves-parents&to=/ent/lost'));
ok $browser->wait_url(qr{^\Q@{[ $server->url('/ent/lost') ]}\E$}), 'the portal\'s own session logs in without a screen';
my $here = $server->url('');
is_deeply [grep { /\Q$here\E/ && !/favicon/ } $browser->console], [], 'the browser has nothing to complain about here';
$browser->quit;

# A browser that takes no cookies at all from us.
my $closed = Aten::Chromium->new(preferences => {
    'profile.content_settings.exceptions.cookies' => { 'http://localhost,*' => { setting => 2 } },
});
$closed->get($server->url('/aten/login?profile=eleves-parents&to=/ent/'));
enter($closed, 'eleve');
ok $closed->wait_url(qr{/aten/saml/done\?state=[\w-]{22}\.1\.}),
    'a browser that refuses our cookies: after the second time';
like text($closed), qr/Votre navigateur semble refuser les cookies/, '... a page that says so';
$closed->quit;

$server->clean_log_ok(qr/AT0107/);
done_testing;

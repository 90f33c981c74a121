# A real browser, by keyboard alone: from the page to the chooser, to the CAS server and back; on a phone; under the pages'
# own Content-Security-Policy.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::Chromium;

need_module();
Aten::Chromium::available() or BAIL_OUT('chromium and chromium-driver are not installed: run make deps');

my $cas    = Aten::CAS->new;
my $server = Aten::Server->new(cas => $cas, config => ent_config(
    inside => "AtenCASCutoff 2017-03-01 pupils\nAtenHelpLink contact https://www.example/aide",
));

my $browser = Aten::Chromium->new;
$browser->get($server->url('/ent/?page=1'));
like $browser->url, qr{/aten/login\?to=}, 'the protected page leads to the chooser';
is $browser->title =~ /Indiquez votre profil/ ? 1 : 0, 1, 'in French';
is $browser->script('return getComputedStyle(document.body).fontFamily.length > 0 && document.styleSheets.length'), 1,
    'the style sheet is there';
ok $browser->tab_to(qr/Autres publics/), 'Tab reaches « Autres publics »';
ok $browser->script('const e = document.activeElement, s = getComputedStyle(e); return s.outlineStyle !== "none"'),
    'the focus can be seen';
$browser->press('enter');
ok $browser->wait_url(qr{^\Q@{[ $cas->url ]}\E/login}), 'Enter leads to the CAS server';
$browser->script('document.querySelector("[name=username]").focus()');
$browser->press('prof', 'tab', $cas->password('prof'), 'enter');
ok $browser->wait_url(qr{^\Q@{[ $server->url('/ent/?page=1') ]}\E$}), 'and back to the page that was asked for';
like $browser->script('return document.body.innerText'), qr/"REMOTE_USER": ?"prof"/, 'logged in';

$browser->get($server->url('/aten/login?to=/ent/'));
like $browser->script('return document.body.innerText'), qr/André D.Aubigné/, 'the chooser shows who is connected';
ok $browser->tab_to(qr/Ce n.est pas vous/), '« Ce n’est pas vous ? » by keyboard';
my $here = $server->url('');
is_deeply [ grep { /\Q$here\E/ && !/favicon/ } $browser->console ], [], 'the browser has nothing to complain about here';
$browser->quit;

# The pupil is refused, on a phone.
my $phone = Aten::Chromium->new(width => 500, height => 800);
$phone->call(POST => "$phone->{session}/goog/cdp/execute", { cmd => 'Emulation.setDeviceMetricsOverride',
    params => { width => 320, height => 640, deviceScaleFactor => 2, mobile => JSON::PP::true() } });
$phone->get($server->url('/ent/'));
is $phone->script('return document.documentElement.scrollWidth <= window.innerWidth'), 1, 'the chooser fits 320 px';
ok $phone->tab_to(qr/Autres publics/), 'the entry';
ok $phone->script('return document.activeElement.getBoundingClientRect().height >= 44'), 'is large enough for a thumb';
$phone->press('enter');
ok $phone->wait_url(qr{^\Q@{[ $cas->url ]}\E/login}), 'at the CAS server';
$phone->script('document.querySelector("[name=username]").focus()');
$phone->press('eleve', 'tab', $cas->password('eleve'), 'enter');
ok $phone->wait_url(qr{/aten/cas\?}), 'back';
like $phone->script('return document.body.innerText'), qr/1er\smars\s2017/, 'the refusal says since when';
is $phone->script('return document.documentElement.scrollWidth <= window.innerWidth'), 1, 'and fits the phone';
$phone->quit;

$server->clean_log_ok;
done_testing;

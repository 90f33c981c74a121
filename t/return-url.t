# Where a person goes after the logout of a session by a portal: FrEduUrlRetour, within AtenReturnURLAllow and the hosts
# of the portal itself. With a real portal (simplesamlphp), whose accounts may say what they like.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::IdP ();
use Aten::URL ();

need_module;
Aten::IdP::available() or BAIL_OUT('simplesamlphp and php-cli are not installed: run make deps');

my $oid = 'urn:oid:1.3.6.1.4.1.20326.10.999.1.5';
my $idp = Aten::IdP->new;
my $cas = Aten::CAS->new;
my ($families, $agents) = map { $idp->entity_id($_) } qw(families agents);

# A virtual host of its own port, cookie and metadata.
my %port = (main => 'PORT', other => 'PORT2', local => 'PORT3', ended => 'PORT4');

sub host ($which, @lines) {
    my $listen = $which eq 'main' ? '' : "Listen 127.0.0.1:\@$port{$which}\@\n";
    return $listen . join "\n", "<VirtualHost 127.0.0.1:\@$port{$which}\@>", 'ServerName localhost',
        "AtenSessionCookie $which", "AtenPortalMetadata \@ROOT\@/conf/$which.xml", @lines, "</VirtualHost>\n";
}

my @keys   = ('AtenServiceKey @ROOT@/tls/service.key', 'AtenServiceCertificate @ROOT@/tls/service.pem');
my $server = Aten::Server->prepare(cas => $cas);
Aten::IdP::make_key($server->root . '/tls/service');

# The addresses that metadata may have for a portal, each at a host of its own: those at which no logout ends, for these
# hosts are nowhere. Where we have no key, the portal is not told anyway.
sub spread ($text) {
    $text =~ s{<md:SingleLogoutService [^>]*/>}{}g;
    my $binding = 'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP';
    my $slo     = join '', map {
        my ($name, $at) = @$_;
        qq(<md:SingleLogoutService $binding-$name" Location="https://$at.portail.example/x" )
            . qq(ResponseLocation="https://reponse-$at.portail.example:8443/x"/>)
    } ['Redirect', 'redirect'], ['POST', 'post'];
    return $text =~ s{(?=<md:SingleSignOnService )}{$slo}r;
}

$idp->metadata_file([], file => $server->root . "/conf/$_.xml") for qw(main other ended);
$idp->metadata_file(['families'], file => $server->root . '/conf/local.xml', edit => \&spread);
my $config = join '', <<~"END",
    AtenHome /accueil/
    AtenCASServer \@CAS\@
    AtenPortalMetadata \@ROOT\@/conf/main.xml
    AtenPortal $families
    AtenReturnURLAllow Retour.example
    AtenReturnURLAllow www.mon-ent.example localhost
    <AtenProfile eleves-parents>
        AtenLabel "élèves ou parents"
        AtenBackend aten $families
    </AtenProfile>
    <AtenProfile agents>
        AtenLabel "agents"
        AtenBackend aten $agents
    </AtenProfile>
    <AtenProfile autres-publics>
        AtenLabel "Autres publics"
        AtenBackend cas
    </AtenProfile>
    ScriptAlias /accueil "\@CGI\@/env"
    ScriptAlias /ent     "\@CGI\@/env"
    <Location "/ent">
        AuthType aten
        Require valid-user
    </Location>
    END
    host(main => @keys),
    host(other => @keys, 'AtenReturnURLAllow autre.example'),
    # This one's metadata does not have the agents.
    host(local => <<~'END'),
        <AtenProfile eleves-parents>
            AtenLabel "élèves ou parents"
            AtenBackend aten
        </AtenProfile>
        END
    host("ended");
utf8::encode($config);
$server->set_config($config);
$server->run;

sub base ($which) { return 'http://localhost:' . $server->var($port{$which}) }

package Site {
    sub url ($self, $path, %option) { return main::base($self->{which}) . $path }
    sub cas ($self) { return $cas }
}
sub site ($which) { return bless { which => $which }, 'Site' }

$idp->trust(base($_) . '/aten/saml/metadata') for qw(main other local ended);

# --- what a person does ---

my $accounts = 0;
# Somebody of whom the portal says these attributes: { name => value }, or the address that FrEduUrlRetour has.
sub in ($said, %option) {
    my $which   = $option{which}  // 'main';
    my $entity  = $option{entity} // 'families';
    my $account = 'compte' . ++$accounts;
    my $who     = $entity eq 'agents' ? { ctemail => "$account\@ac.example" } : { FrEduVecteur => '4|N|P|701294|0340039X' };
    $idp->set_account($account, { %$who, ref $said ? %$said : (FrEduUrlRetour => $said) }, entity => $entity);
    my $profile = $entity eq 'agents' ? qr/agents/ : qr/eleves-parents/;
    my $browser = login(site($which), $account, idp => $idp, profile => $profile, $option{browser} ? (browser => $option{browser}) : ());
    identity_of($browser)->{REMOTE_USER} or die 'not in: ' . $browser->url . "\n" . $browser->page->text;
    return $browser;
}

sub is_known ($address) {
    my @known = ($cas->url, (map { $idp->url($_, '/') } qw(families agents)), map { base($_) . '/' } keys %port);
    return scalar grep { index($address, $_) == 0 } @known, "http://autre.localhost:@{[ $idp->port ]}/";
}

# Logged out. Ends on a page of ours, or where a page of ours leads away from all that is known here.
sub out ($browser, $which = 'main', $query = '', %option) {
    return $browser->get(base($which) . "/aten/logout$query", from => base($which) . '/ent/',
        until => sub ($address) { !is_known($address) }, %option);
}

# Where a logout leads: the address as it stands in Location, else the page's path or title.
sub end_of ($browser, $which = 'main') {
    my $page = $browser->page;
    return $page->header('location') if $page->status == 303;
    my ($path) = $page->url =~ /^\Q@{[ base($which) ]}\E(.*)/ or return $page->url;
    return $path =~ m{^/aten/} ? $page->h1 : $path;
}

my $page = 'Vous êtes déconnecté';

# The log's one line of the logout.
sub log_ok ($mark, $says, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @lines = grep { /auth_aten:info\].* logout, / } split /\n/, $server->log->since($mark);
    is(scalar @lines, 1, "$name: one line in the log");
    return like($lines[0] // '', qr/ logout, [^;]+$says(?:$|, referer)/, "... that says so");
}

sub meet ($said, $where, $says, $why, %option) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $which   = $option{which} // 'main';
    my $browser = in($said, %option);
    my $mark    = $server->log->mark;
    out($browser, $which, $option{query} // '');
    is(end_of($browser, $which), $where, $why);
    log_ok($mark, $says, $why);
    ok(!$browser->jar->find($which), '... the session is gone');
    return $browser;
}

my $not = '; FrEduUrlRetour leads to %s, which is not allowed \(AtenReturnURLAllow\)';
my $odd = '; FrEduUrlRetour %s \(AtenReturnURLAllow\)';
sub not_allowed ($host) { return sprintf $not, quotemeta $host }
sub is_odd      ($why)  { return sprintf $odd, quotemeta $why }

# --- allowed ---

subtest 'a host that the directive allows' => sub {
    my $url = 'https://retour.example/deconnexion?chemin=secret&x=%2F';
    meet($url, $url, '', 'after the portal\'s answer');
    meet('https://WWW.mon-ent.example:8443/', 'https://WWW.mon-ent.example:8443/', '', 'a second line adds to the first');
    meet({ $oid => $url }, $url, '', 'the attribute by its OID');
    meet({ $oid => $url, FrEduUrlRetour => $url }, $url, '', 'by both names, the same');
    meet($url, $url, '', 'where the portal cannot be told', which => 'local');
    my $long = 'https://retour.example/' . 'x' x 1000;
    meet($long, $long, '', 'a long one, whole');
    my $browser = in($url);
    out($browser, 'main', '', until => sub ($address) { $address =~ /SAMLResponse=/ });
    like(join(' ', map { $_->{to} } $browser->page->redirects), qr/SingleLogoutService\.php\?SAMLRequest=/, 'the portal is told before');
    my $wait = join ' ', map { $_->{name} } $browser->jar->all('localhost');
    like($wait, qr/\bmain-logout\b/, '... what waits for its answer knows where to go');
};

subtest 'a host of the portal itself' => sub {
    my $url = $idp->url('families', '/logout.php');
    my $browser = in($url);
    out($browser);
    is($browser->url, $url, 'by http to this machine, as its metadata has it');
    $browser = in('http://FAMILLES.localhost/x', which => 'local');
    out($browser, 'local', '', follow => 0);
    is(end_of($browser, 'local'), 'http://FAMILLES.localhost/x', 'where it logs people in, at any port');
    for my $host (qw(redirect reponse-redirect post reponse-post)) {
        meet("https://$host.portail.example/x", "https://$host.portail.example/x", '', "its address: $host", which => 'local');
    }
    meet('https://portail.example/x', $page, not_allowed('portail.example'), 'not the domain above', which => 'local');
    meet($url, $page, not_allowed('familles.localhost'), 'not another portal\'s', entity => 'agents');
};

# --- not allowed ---

subtest 'a host that nobody allows' => sub {
    my $browser = meet('https://evil.example/chemin-secret', $page, not_allowed('evil.example'), 'another host');
    like($browser->page->text, qr/Le guichet vous a déconnecté aussi/, '... the page says what was ended');
    is_deeply([grep { /evil/ } map { $_->{href} } $browser->page->links], [], '... no link leads there');
    meet("https://retour.example.evil.example/", $page, not_allowed('retour.example.evil.example'), 'ours at its beginning');
    meet('https://x.retour.example/', $page, not_allowed('x.retour.example'), 'below ours');
    meet('https://evil.example/', $page, not_allowed('evil.example'), 'where the portal cannot be told', which => 'local');
    meet({ $oid => 'https://evil.example/' }, $page, not_allowed('evil.example'), 'by its OID');
};

subtest 'odd addresses' => sub {
    my $is_odd = is_odd('is odd, or no absolute address');
    my $begins = is_odd('does not begin with https:// and a host that can be used');
    my @odd = (
        ['http://retour.example/',                     is_odd('leads to retour.example by plain http, which is taken to this machine alone')],
        ['//retour.example/',                          $is_odd],
        ['/accueil/',                                  $is_odd],
        ['retour.example',                             $is_odd],
        ['javascript://retour.example/%0aalert(1)',    $is_odd],
        ['ftp://retour.example/',                      $begins],
        ['https://u:p@retour.example/',                $is_odd],
        ['https://retour.example@evil.example/',       $is_odd],
        ['https://evil.example\\@retour.example/',     $is_odd],
        ['https://evil.example#retour.example',        $is_odd],
        ["https://retour.example/\"><script>",         $is_odd],
        ['https://retour.example/%0d%0aX-Injected:%201', $is_odd],
        ['https://retour.example/é',                   $is_odd],
        ['https://retour.example./',                   $begins],
    );
    meet($_->[0], $page, $_->[1], substr($_->[0], 0, 50), which => 'local') for @odd;
};

subtest 'none, or more than one' => sub {
    meet({}, $page, '', 'no such attribute');
    meet('',  $page, '', 'an empty one');
    my @two = map { "https://retour.example/$_" } 1, 2;
    meet({ FrEduUrlRetour => \@two }, $page, is_odd('has several values'), 'two values');
    meet({ FrEduUrlRetour => $two[0], $oid => $two[1] }, $page, is_odd('has several values'), 'another under the OID');
    meet('https://retour.example/' . 'x' x 3600, $page, '', 'one that does not fit into the session stops no login');
};

# --- what else says where to go ---

subtest 'to wins' => sub {
    my $url = 'https://retour.example/';
    meet($url, '/accueil/y', '', 'a path, after the portal\'s answer', query => '?to=/accueil/y');
    meet($url, '/accueil/y', '', '... where the portal cannot be told', query => '?to=/accueil/y', which => 'local');
    meet('https://evil.example/', '/accueil/y', '', 'an address that is not asked for is not judged', query => '?to=/accueil/y');
    meet($url, $url, '', 'a to that is refused is none', query => '?to=//evil.example/');
    meet({}, $page, '', 'to is a path: an allowed address in it is none', query => '?to=' . Aten::URL::escape($url));
};

subtest 'the list of a virtual host replaces the outer one' => sub {
    meet('https://autre.example/', 'https://autre.example/', '', 'its own', which => 'other');
    meet('https://retour.example/', $page, not_allowed('retour.example'), 'not the main server\'s', which => 'other');
    meet('https://autre.example/', $page, not_allowed('autre.example'), 'nor its own elsewhere');
    my $url = $idp->url('families', '/logout.php');
    out(my $browser = in($url, which => 'other'), 'other');
    is($browser->url, $url, 'the portal\'s own hosts are allowed in any case');
};

subtest 'a page of another site, nobody, and a part that is left' => sub {
    my $url     = 'https://retour.example/x';
    my $browser = in($url);
    out($browser, 'main', '', from => 'http://evil.example/');
    is($browser->page->h1, 'Voulez-vous vous déconnecter ?', 'a link there: a page that asks');
    unlike($browser->page->body, qr/retour\.example/, '... and does not say where to');
    $browser->click('Me déconnecter', until => sub ($address) { !is_known($address) });
    is(end_of($browser), $url, '... then there');
    out($browser);
    is(end_of($browser), $page, 'nobody is left: a page');

    $browser = in($url, browser => $browser);
    $browser->get($idp->unsolicited_url($idp->other_service('refuses')));
    $idp->send_answer($browser);
    out($browser);
    is($browser->page->status, 200, 'the portal could not end everything: a page');
    like($browser->page->text, qr/n’a pas pu fermer toutes vos sessions/, '... says so');
    ok(grep({ $_->{href} eq $url } $browser->page->links), '... and a button leads to where the portal wants people');
    $idp->distrust('urn:test:refuses');
};

subtest 'a session by CAS never goes there' => sub {
    $cas->set_account(retour => { FrEduUrlRetour => 'https://retour.example/', ENTPersonProfils => 'National_3' });
    my $browser = login(site('main'), 'retour', profile => qr/autres-publics/);
    is(identity_of($browser)->{ATEN_ATTR_FrEduUrlRetour}, 'https://retour.example/', 'the CAS server says so');
    my $mark = $server->log->mark;
    out($browser);
    unlike(end_of($browser), qr/retour/, 'out, and not there');
    log_ok($mark, '', 'nor is it judged');
};

subtest 'metadata past its time allows no hosts' => sub {
    my $own     = $idp->url('families', '/logout.php');
    my @in      = map { in($_, which => 'ended') } $own, $own, 'https://retour.example/';
    out($in[0], 'ended', '', follow => 0);
    is(end_of($in[0], 'ended'), $own, 'the portal\'s own host');
    $idp->metadata_file([], file => $server->root . '/conf/ended.xml', valid_until => '2016-09-01T00:00:00Z');
    sleep 2;    # looked at once a second
    my $mark = $server->log->mark;
    out($in[1], 'ended');
    is(end_of($in[1], 'ended'), $page, '... is not, when its metadata has ended');
    log_ok($mark, not_allowed('familles.localhost'), '... and the log');
    out($in[2], 'ended');
    is(end_of($in[2], 'ended'), 'https://retour.example/', 'what the directive allows still is');
};

my $log = $server->log->text =~ s/, referer: .*//gr;
unlike($log, qr{(?:retour|evil|portail)\.example[:/]|secret|Injected|script}, 'hosts alone stand in the log, no address');
$server->clean_log_ok(qr/AT0(?:136|334|307)|AtenPortalMetadata|attributes? .*fit|left out/);
done_testing;

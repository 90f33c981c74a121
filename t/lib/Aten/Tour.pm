package Aten::Tour;

# A walk through everything that the module does, for tools that watch its memory (t/valgrind.t, t/sanitize.t): what comes
# out is judged by other tests; here each request only has to get an answer, which a process that died does not give.

use v5.36;
use Aten::Browser ();
use Aten::Portals ();
use Aten::Process ();
use Aten::Test ();
use Aten::URL ();
use Test::More ();
use Time::HiRes qw(sleep);

# Options: server, an Aten::Server that runs config(); browser => {options of every browser}.
sub new ($class, %option) { return bless { requests => 0, silent => [], %option }, $class }

sub server ($self) { return $self->{server} }
sub url ($self, @what) { return $self->{server}->url(@what) }

# What ends without an answer is remembered: a crash, or a hang.
sub note ($self, $page) {
    $self->{requests}++;
    push @{ $self->{silent} }, $page->url . ': ' . $page->reason if $page->status == 599;
    return $page;
}

sub browser ($self) { return Aten::Browser->new(timeout => 60, %{ $self->{browser} // {} }) }

# Tests: something was asked, and each time there was an answer.
sub answered_ok ($self, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @silent = splice @{ $self->{silent} };
    my $count  = $self->{requests};
    $self->{requests} = 0;
    return Test::More::ok($count && !@silent, "$what: $count requests, each has an answer")
        || Test::More::diag(join "\n", @silent > 5 ? (@silent[0 .. 4], '...') : @silent);
}

# --- the configuration ---

# The scenarios of the fault server that don't wait for a timeout; those that do.
my @slow = qw(slow hold drip drip-header drip-header-lines endless-continue);

sub scenarios ($class) {
    my %slow = map { $_ => 1 } @slow;
    my @all  = sort keys %{ Faults->scenarios };
    return { quick => [grep { !$slow{$_} } @all], slow => [@slow] };
}

my %port_of = ('v1' => 'PORT2', 'saml' => 'PORT3');
sub port_of ($scenario) { return $port_of{ $scenario =~ /^(v1|saml)-/ ? $1 : '' } // 'PORT' }

sub profiles ($faults, $port, @scenarios) {
    return join '', map { "<AtenProfile $_>\nAtenLabel fr \"groupe > $_\"\nAtenLabel en $_\nAtenBackend cas " . $faults->url($_) . "\n</AtenProfile>\n" }
        grep { port_of($_) eq $port } @scenarios;
}

# The portals of all walks of a test.
my $portals;
sub portals ($class) { return $portals //= Aten::Portals->new }

# People come by portals on a port of their own. Their metadata have good and odd entities, and keys of every kind.
sub portal_host ($class) {
    my $forge    = $class->portals->forge;
    my %id       = map { $_ => $forge->entity_id($_) } qw(familles agents educonnect perime);
    my $profiles = join '', map {
        qq{<AtenProfile $_>\nAtenLabel fr "Portails > $_"\nAtenBackend aten $id{$_}\n</AtenProfile>\n}
    } qw(familles agents educonnect perime);
    my $keys = join '', map { "AtenServiceKey $_->{key}\nAtenServiceCertificate $_->{certificate}\n" } @{ $forge->{service} };
    return <<~"END";
        Listen 127.0.0.1:\@PORT4\@
        <VirtualHost *:\@PORT4\@>
            AtenBaseURL http://localhost:\@PORT4\@
            AtenHome /ent/accueil
            AtenPortalMetadata \@ROOT\@/conf/portals.xml
            AtenPortal $id{familles} uai=034*,030* vectors
            AtenPortal $id{agents} uai=034* staff
            AtenPortal $id{educonnect}
            AtenPortalUnsolicited accept $id{educonnect}
            $keys
            $profiles
            <AtenProfile autres-publics>
                AtenLabel fr "Autres publics"
                AtenBackend cas
            </AtenProfile>
            <AtenProfile demenage>
                AtenLabel "Déménagé"
                AtenBackend cas
                AtenBackendFrom 2016-09-01 aten $id{familles}
                AtenBackendFrom 2017-09-01 aten $id{educonnect}
            </AtenProfile>
            <Location "/fort">
                AtenPortalForceAuthn on
                AtenPortalAuthnContext urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport
            </Location>
        </VirtualHost>
        END
}

# Scenarios are profiles; those of protocol 1 and SAML 1.1 have virtual hosts of their own.
sub config ($class, $faults, @scenarios) {
    my $hosts = join '', map {
        my ($port, $protocol) = @$_;
        my $profiles = profiles($faults, $port, @scenarios);
        $profiles eq '' ? '' : <<~"END";
            Listen 127.0.0.1:\@$port\@
            <VirtualHost *:\@$port\@>
                AtenBaseURL http://localhost:\@$port\@
                AtenCASProtocol $protocol
                $profiles
            </VirtualHost>
            END
    } ['PORT2', 1], ['PORT3', 'saml1.1'];
    $hosts .= $class->portal_host;
    my $profiles = profiles($faults, 'PORT', @scenarios);
    return <<~"END";
        AtenCASServer \@CAS\@
        AtenCASTimeout 2
        AtenCASField eleveId ENTEleveStructRattachId
        AtenPopulation tutors role=autre eduPersonAffiliation tuteur-entreprise
        AtenHelpLink contact mailto:ecole\@example.test "École"
        # A file, and no program: nothing else is to be watched.
        AliasMatch ^/(?:ent|optional|past|other|rights|fort)\\b \@DOCROOT\@/application.html
        Alias /files \@DOCROOT\@/files
        DirectoryIndex index.shtml index.html
        AddType text/html .shtml
        AddOutputFilter INCLUDES .shtml
        RewriteEngine on
        RewriteRule ^/moved\$ /ent/moved [PT]
        <LocationMatch "^/(ent|optional|past|other|rights|fort|files)">
            AuthType aten
            Require valid-user
            Header set X-Answered-By application
        </LocationMatch>
        <Location "/optional">
            AtenOptional on
        </Location>
        <Location "/past">
            AtenCASCutoff 2017-03-01 pupils parents
            AtenCASCutoff announced "Bientôt." staff
        </Location>
        <Location "/past/all">
            AtenCASCutoff 2017-03-01 everyone
        </Location>
        <Location "/past/report">
            AtenCASCutoff 2017-03-01 pupils parents report-only
        </Location>
        <Location "/past/soon">
            AtenCASCutoff 2199-03-01 pupils parents
            AtenCASNotice always
        </Location>
        <Location "/rights">
            Require user nobody-has-this-name
        </Location>
        ErrorDocument 403 /other/error
        <VirtualHost *:\@PORT\@>
            AtenBaseURL \@BASE\@
            <AtenProfile autres-publics>
                AtenLabel fr "Autres publics"
                AtenBackend cas
            </AtenProfile>
            <AtenProfile second>
                AtenLabel "Second"
                AtenBackend cas
                AtenBackendFrom 2016-09-01 cas
                AtenHelpLink locked fr https://aide.example/ "Bloqué"
            </AtenProfile>
            <AtenProfile ferme>
                AtenLabel "Groupe > Fermé"
                AtenBackend cas
                AtenBackendFrom 2016-09-01 closed
            </AtenProfile>
            $profiles
            <If "%{REQUEST_URI} =~ m#^/other/#">
                AtenProfiles second
            </If>
            RewriteEngine on
            RewriteOptions Inherit
        </VirtualHost>
        $hosts
        END
}

sub write_files ($class, $server) {
    $class->write_metadata($server, Aten::Process::slurp($class->portals->forge->{metadata}));
    $server->file('htdocs/application.html', "<!DOCTYPE html><title>application</title>\n");
    $server->file('htdocs/files/index.shtml', qq(<!--#echo var="ATEN_NOM" --><!--#include virtual="/ent/part" --><!--#include virtual="/past/part" -->\n));
    $server->file('htdocs/files/good/.htaccess', qq(AtenCASCutoff announced "ht" parents\nAtenProfiles autres-publics\nAtenHelpLink contact /aide\n));
    $server->file('htdocs/files/good/index.html', "page\n");
    $server->file("htdocs/files/bad$_->[0]/.htaccess", "$_->[1]\n")
        for [1, 'AtenProfiles nobody'], [2, 'AtenCASCutoff 2017-03-01 nobody'], [3, 'AtenCASCutoff 01/03/2017 pupils'];
    $server->file("htdocs/files/bad$_/index.html", "page\n") for 1 .. 3;
    return;
}

# Whole or not at all, as an administrator should; in place, as one may.
sub write_metadata ($class, $server, $text, %option) {
    my $file = $server->root . '/conf/portals.xml';
    my $new  = $option{in_place} ? $file : "$file.new";
    Aten::Process::spew($new, $text);
    chmod 0644, $new;
    rename $new, $file or die "rename: $!" if $new ne $file;
    return;
}

# Whatever the module says of bad requests is expected, and what httpd says of the places; a report, a crash or a ticket in
# a line is not, and can't be: see Aten::Log.
sub expected ($class) {
    return (qr/\[auth_aten:(?:debug|info|notice|warn|error)\]/, qr/\[authz_core:error\].*AH01631/, qr/\[include:error\]/,
        qr/\[core:(?:alert|error)\].*\.htaccess/);
}

# --- the walk ---

# The module's own pages, asked for rightly and wrongly, without a session or with BROWSER's.
sub own_pages ($self, $browser = $self->browser) {
    my $long = 'long/' x 600;
    my @to   = ('/ent/a?b=c', '/past', '/past/all', '/past/soon', '/files/good/', '/files/bad1/', '/optional', '/none', '//evil.example',
        '/%2f/evil.example', '/\\evil.example', "/$long", 'http://evil.example/', '/aten/logout', '', '/ent?ticket=ST-1&x=y', '/%zz', '/é');
    my @queries = (
        '', 'profile=autres-publics', 'selection=autres-publics', 'profile=nobody', 'profile=ferme', 'switch=1', 'switch=1&profile=second',
        'profile=a&profile=b', 'to=/&to=/', 'profile=%00', 'profile=%ff', 'x=y', '&&&=&', "profile=$long", 'profile=%3Cscript%3E', '%',
    );
    my @pages = (map({ '/aten/login?to=' . Aten::URL::escape($_) } @to), map({ "/aten/login?$_" } @queries),
        qw(/aten /aten/ /aten/nothing /aten/session /aten/style.css /aten/cas /aten/cas?ticket=ST-1 /aten/cas?state=x
            /aten/cas?ticket=a%20b /aten/cas?ticket=ST-1&state=AAAAAAAAAAAAAAAAAAAAAA.0.autres-publics /aten/cas?ticket=ST-1&ticket=ST-2));
    $self->note($browser->get($self->url($_), until => sub ($to) { $to =~ m{/cas/login} })) for @pages;
    for my $page (qw(/aten/login /aten/cas /aten/session /aten/logout /aten/style.css /aten/nothing)) {
        $self->note($browser->fetch($self->url($page), method => $_, from => $self->url('/'))) for qw(HEAD PUT DELETE OPTIONS);
        $self->note($browser->post_form($self->url($page), { logoutRequest => '<x/>' }, from => $self->url('/')));
    }
    for my $language ('en', 'fr;q=0, en;q=0.5', '*', ';;;,,,q=', "x-$long") {
        $self->note($browser->get($self->url('/aten/login'), headers => { 'accept-language' => $language }));
    }
    return $self;
}

# Requests for protected places, by a person, a script and a frame.
sub places ($self, $browser = $self->browser) {
    my $until = sub ($to) { $to =~ m{/cas/login} };
    for my $path (qw(/ent /ent/x?y=z /past /past/all /past/report /past/soon /optional /other/x /rights /files/ /files/good/ /files/bad1/
        /files/bad2/ /files/bad3/ /files/none /moved /none)) {
        $self->note($browser->get($self->url($path), until => $until));
        $self->note($browser->head($self->url($path), until => $until));
        $self->note($browser->fetch($self->url($path), from => $self->url('/')));
        $self->note($browser->fetch($self->url($path), from => 'http://elsewhere.test/', dest => 'iframe'));
        $self->note($browser->post_form($self->url($path), { a => 'b' }, from => $self->url('/'), until => $until));
    }
    $self->note($browser->get($self->url('/ent?' . 'long/' x 1200), until => $until));
    $self->note($browser->get($self->url('/ent'), until => $until, headers => { 'x-aten-nom' => 'a', 'x_aten_role' => 'b', connection => 'x-aten-nom, close' }));
    return $self;
}

# Somebody logs in at the real CAS server and comes to a few places.
sub visit ($self, $who) {
    my $browser = $self->browser;
    Aten::Test::login($self->{server}, $who, browser => $browser);
    $self->note($browser->page);
    $self->note($browser->get($self->url($_))) for qw(/ent /past /optional /files/ /aten/session /aten/login?to=/past/soon);
    $self->note($browser->fetch($self->url('/past'), from => $self->url('/')));
    return $self;
}

# Somebody logs in, looks around everywhere, and logs out.
sub person ($self, $who) {
    my $browser = $self->browser;
    Aten::Test::login($self->{server}, $who, browser => $browser, to => "/ent/$who?a=b");
    $self->note($browser->page);
    $self->places($browser);
    $self->note($browser->get($self->url("/aten/login?profile=second&to=/$_"))) for qw(ent past past/all other);
    $self->note($browser->get($self->url('/aten/session')));
    $self->note($browser->get($self->url('/aten/login?to=/ent&switch=1')));
    $self->note($browser->get($self->url('/aten/logout?to=/ent'), until => sub ($to) { $to =~ m{/cas/logout} }));
    $self->note($browser->get($self->url('/aten/logout')));
    return $self;
}

# Answers of CAS that come late, twice, mixed up; more tabs than there are places for.
sub pending ($self) {
    my $browser = $self->browser;
    my $at_cas  = sub ($to) { $to =~ m{/login\?.*service=} };
    my @waiting;
    for my $path (map({ "/ent/$_" } 1 .. 7), '/ent?' . 'long/' x 380, '/ent?' . 'more/' x 380) {
        my $page = $self->note($browser->get($self->url('/aten/login?profile=autres-publics&to=') . Aten::URL::escape($path), until => $at_cas));
        my ($service) = $page->location =~ /service=([^&]*)/;
        push @waiting, $service =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger;
    }
    for my $back (@waiting, reverse @waiting) {
        $self->note($browser->get("$back&ticket=ST-unknown", until => $at_cas));
        $self->note($browser->get($back, until => $at_cas));
        $self->note($self->browser->get("$back&ticket=ST-unknown", until => $at_cas));
    }
    return $self;
}

# Cookies cut, changed, doubled, of another purpose. STEP: how many bytes apart (1: each).
sub cookies ($self, $step) {
    my $browser = $self->browser;
    Aten::Test::login($self->{server}, 'parent', browser => $browser);
    my $good = $browser->jar->find('aten')->{value};
    my @values = ('', '.', 'A', 'A' x 5000, $good . $good, "$good=", "\"$good\"", $good =~ tr/A-Za-z/a-zA-Z/r);
    for (my $at = 0; $at < length $good; $at += $step) {
        push @values, substr($good, 0, $at);
        my $changed = $good;
        substr($changed, $at, 1) = substr($good, $at, 1) eq 'A' ? 'B' : 'A';
        push @values, $changed;
    }
    my $other = $self->browser;
    my $send  = sub ($cookie) {
        $self->note($other->get($self->url('/ent'), headers => { cookie => $cookie }, until => sub ($to) { $to =~ /cas/ }));
    };
    $send->("aten=$_") for @values;
    $browser->get($self->url('/aten/login?profile=second&switch=1'), until => sub ($to) { $to =~ m{/cas/login} });
    my @pending = grep { $_->{name} =~ /login/ } $browser->jar->all;
    $send->("aten=$_->{value}") for @pending;
    $send->("$_->{name}=$good") for @pending;
    $send->("aten=x; aten=$good; aten=y");
    $send->(join '; ', map { "aten=$_" } @values[0 .. 20]);
    $send->(join ';', ('=', 'a', ' ', 'aten', 'aten=', ' aten = x') x 40);
    return $self;
}

# Logins at a CAS server that misbehaves, one for each scenario.
sub faults ($self, @scenarios) {
    for my $name (@scenarios) {
        my $browser = $self->browser;
        my $base    = 'http://localhost:' . $self->{server}->var(port_of($name));
        my $page    = $self->note($browser->get("$base/aten/login?profile=$name&to=/ent/$name"));
        next if !Aten::Test::reached($page);
        $self->note($browser->get("$base/aten/login?to=/past"));
        $self->note($browser->get("$base/past"));
        $self->note($browser->get("$base/aten/session"));
    }
    return $self;
}

# --- portals ---

# What Aten::Portals and Aten::Forge take for a site.
package Aten::Tour::Site {
    sub url ($self, $path = '/', %option) { return 'http://localhost:' . $self->{server}->var('PORT4') . $path }
    sub server ($self) { return $self->{server} }
}

sub site ($self) { return bless { server => $self->{server} }, 'Aten::Tour::Site' }

# The pages of SAML, asked for rightly and wrongly.
sub portal_pages ($self, $browser = $self->browser) {
    my $site  = $self->site;
    my @until = (until => $portals->stop);
    my $state = 'A' x 22;
    my $get   = sub ($path) { $self->note($browser->get($site->url($path), @until)) };
    $get->("/aten/saml/$_") for qw(acs done metadata logout nothing), map { "done?state=$_" } '', 'x', "$state.0.familles", "$state.1.familles",
        "$state.0.-", "$state.0.nobody", "$state.2.familles", "$state.0." . 'x' x 3000, "$state.0.familles&state=$state.0.familles";
    $get->("/aten/login?to=/fort&profile=$_") for qw(familles agents educonnect perime demenage autres-publics);
    my @bodies = (
        '', 'a', 'SAMLResponse=', 'SAMLResponse=%', 'SAMLResponse=!!!!', 'SAMLResponse=AAAA', 'SAMLResponse=PHg%2B&SAMLResponse=PHg%2B',
        'SAMLResponse=PHgvPg%3D%3D', 'RelayState=x', 'SAMLResponse=' . 'QUFB' x 1000, 'SAMLResponse=' . 'A' x 600_000, "SAMLResponse=PHgvPg\0",
        'SAMLResponse=PHgvPg%3D%3D&RelayState=' . 'r' x 9000, '&&=&=', 'SAMLResponse=' . '%41' x 100_000,
    );
    for my $body (@bodies) {
        for my $type ('application/x-www-form-urlencoded', 'text/plain') {
            $self->note($browser->navigate(method => 'POST', url => $site->url('/aten/saml/acs'), from => $portals->forge->address,
                body => $body, type => $type, @until));
        }
    }
    for my $page (qw(acs done metadata logout)) {
        $self->note($browser->fetch($site->url("/aten/saml/$page"), method => $_, from => $site->url('/'))) for qw(HEAD PUT DELETE OPTIONS);
        $self->note($browser->post_form($site->url("/aten/saml/$page"), { SAMLRequest => 'x' }, from => $site->url('/'), @until));
    }
    return $self;
}

# People log in by portals, look around, and log out.
sub portal_visit ($self, @who) {
    my $site = $self->site;
    for my $who (@who ? @who : qw(eleve parent agent)) {
        my $browser = $self->browser;
        my $until   = sub ($to) { $portals->forge->is_portal($to) || $to =~ m{/cas/login} };
        my $profile = $who eq 'agent' ? 'agents' : 'familles';
        $self->note($portals->login($site, $who, browser => $browser, profile => $profile, to => "/ent/$who?a=b")->page);
        $self->note($browser->get($site->url($_), until => $until)) for qw(/ent /past /past/all /optional /files/ /fort /rights /none
            /aten/session /aten/login?to=/past /aten/login?to=/ent&profile=familles);
        $self->note($browser->fetch($site->url('/fort'), from => $site->url('/')));
        $self->note($portals->begin($site, browser => $browser, profile => $profile, to => '/fort', switch => 1)->page);
        $self->note($portals->pass($site, $browser, $who)) if $portals->request_of($browser);
        $self->note($browser->get($site->url($_), until => $until)) for qw(/fort /aten/logout /aten/logout?to=/ent);
    }
    return $self;
}

# Of the forged answers, EACH of every kind: what has to become of them, and why.
sub forged ($self, $each) {
    my $site = $self->site;
    my %kind;
    for my $case ($portals->forge->cases) {
        my $expect = $case->{expect};
        my ($what) = grep { $expect->{$_} } qw(in again refused);
        my $tag    = $what eq 'in' ? $case->{group} : $expect->{$what}[0] // '';
        push @{ $kind{"$what $tag"} }, $case;
    }
    for my $cases (map { $kind{$_} } sort keys %kind) {
        my $step = @$cases / $each;
        my %take = map { int($_ * $step) => 1 } 0 .. $each - 1;
        $self->forge($site, $cases->[$_]) for grep { $_ < @$cases } sort { $a <=> $b } keys %take;
    }
    return $self;
}

sub forge ($self, $site, $case) {
    my $browser = $self->browser;
    my $begun   = $portals->begin($site, browser => $browser, profile => $case->{profile} // 'familles', to => $case->{to} // '/ent/forged');
    my $request = $portals->request_of($self->note($begun->page)) // return;
    my $answer  = $portals->forge->make($case, $site, $request, now => int Aten::Portals::now_of($self->{server}));
    $self->note($portals->forge->post($site, $browser, $answer));
    return;
}

# Answers that come twice, to another browser, without cookies, with others, and that nobody asked for.
sub replays ($self) {
    my $site = $self->site;
    my $post = sub ($browser, $answer, %option) { return $self->note($portals->forge->post($site, $browser, $answer, %option)) };
    for my $who (qw(eleve parent)) {
        my ($one, $other) = ($self->browser, $self->browser);
        my $answer = $portals->answer($site, $portals->begin($site, browser => $one, profile => 'familles'), $who);
        my $done   = $post->($one, $answer, follow => 0)->location;
        my ($result) = grep { $_->{name} =~ /result/ } $one->jar->all;
        my $end = sub ($browser, @more) { $self->note($browser->get($done, from => $portals->forge->address, until => $portals->stop, @more)) };
        $post->($other, $answer);
        $end->($other);
        my $value = $result ? $result->{value} : 'x' x 400;
        my @login = map { "$_->{name}=$_->{value}" } grep { $_->{name} =~ /login/ } $one->jar->all;
        for my $cut (0, 1, 40, int(length($value) / 2), length($value) - 1) {
            my $changed = $value;
            substr($changed, $cut, 1) = substr($changed, $cut, 1) eq 'A' ? 'B' : 'A';
            $end->($other, headers => { cookie => join '; ', @login, "aten-result=$_" }) for substr($value, 0, $cut), $changed, $changed . $value;
        }
        $end->($one);
        $end->($one);
        $post->($one, $answer);
        $post->($self->browser, $answer);
    }
    for my $portal (qw(familles agents educonnect)) {
        my $browser = $self->browser;
        my $answer  = $portals->answer($site, $browser, 'eleve', request => undef, portal => $portal);
        $post->($browser, $answer) for 1 .. 3;
    }
    return $self;
}

# The file is read again, at most once a second: as it was, broken in several ways, gone, and as it was.
sub metadata_changes ($self) {
    my $site = $self->site;
    my $good = Aten::Process::slurp($self->{server}->root . '/conf/portals.xml');
    my @texts = (
        [$good], ['', in_place => 1], [substr $good, 0, length($good) / 2], ["<!DOCTYPE x [<!ENTITY y 'z'>]>\n$good"],
        [$good =~ s{<md:KeyDescriptor.*?</md:KeyDescriptor>}{}gsr], [$good, in_place => 1],
    );
    for my $text (@texts) {
        $self->write_metadata($self->{server}, @$text);
        sleep 1.1;
        $self->note($portals->begin($site, browser => $self->browser, profile => $_)->page) for qw(familles agents);
        my $browser = $self->browser;
        $self->note($portals->begin($site, browser => $browser, profile => 'familles')->page);
        $self->note($portals->pass($site, $browser, 'eleve')) if $portals->request_of($browser);
    }
    return $self;
}

1;

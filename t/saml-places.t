# The ATEN path inside httpd: what single paths ask of a login at the portal, where else a session by the portal is seen,
# what stands in the way of the ACS, what a client may do wrong with its body, and the store of what was used once.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Portals ();
use Aten::Test;
use MIME::Base64 ();

need_module;

my $cas     = Aten::CAS->new;
my $portals = Aten::Portals->new;
my $ppt     = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';   # as the portals answer
my ($pupil, $parent) = map { $portals->user($_) } qw(eleve parent);

# Answers of t/forge that a demanding path does not take.
my %odd = (old => 'message/authn-anew', weak => 'message/authn-context');

sub location ($path, @lines) {
    return join "\n    ", qq(<Location "$path">), 'AuthType aten', 'Require valid-user', @lines, "\n</Location>\n";
}

# A virtual host of its own port and cookie.
sub host ($port, @lines) {
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    return join "\n", "$listen<VirtualHost 127.0.0.1:\@$port\@>", 'ServerName localhost', "AtenSessionCookie \L$port", @lines, "</VirtualHost>\n";
}

my $whole_site = location('/');
my $config = join '', <<~'END',
    AtenPortalMetadata @ROOT@/conf/portals.xml
    AtenCASServer @CAS@
    END
    host(PORT => <<~'END',
        ScriptAliasMatch ^/(?:ent|anew|fort|strong|either|optional|maybe|pupil|parents)(?:/|$) @CGI@/env
        AddType text/html .shtml
        AddOutputFilter INCLUDES .shtml
        AddHandler shown .shown
        Action shown /ent/handler
        DirectoryIndex index.html /ent/index
        <Directory "@DOCROOT@/files">
            RewriteEngine on
            RewriteRule ^moved$ /ent/moved [L]
        </Directory>
        <Location "/files">
            ErrorDocument 404 /ent/not-found
        </Location>
        END
        location('/ent'),
        location('/files'),
        location('/anew',       'AtenPortalForceAuthn on'),
        location('/fort',       'AtenPortalForceAuthn on', "AtenPortalAuthnContext $ppt"),
        location('/fort/libre', 'AtenPortalForceAuthn off', 'AtenPortalAuthnContext none'),
        location('/strong',     'AtenPortalAuthnContext urn:test:strong'),
        location('/either',     "AtenPortalAuthnContext urn:test:strong $ppt"),
        location('/optional',   'AtenOptional on'),
        location('/optional/fort', "AtenPortalAuthnContext $ppt"),
        qq(<Location "/maybe">\nAuthType aten\nAtenOptional on\n<RequireAny>\nRequire valid-user\nRequire all granted\n</RequireAny>\n</Location>),
        qq(<Location "/pupil">\nAuthType aten\nRequire user "$pupil"\n</Location>),
        qq(<Location "/parents">\nAuthType aten\nRequire user "nobody" "$parent"\n</Location>)),
    # Everything is protected, and everything goes to one program.
    host(PORT2 => $whole_site, <<~'END'),
        ScriptAlias /front "@CGI@/env"
        RewriteEngine on
        RewriteCond %{REQUEST_URI} !^/front
        RewriteRule ^ /front%{REQUEST_URI} [PT,L]
        END
    # ... or to another server.
    host(PORT3 => $whole_site, 'ProxyPass / http://127.0.0.1:@PORT4@/'),
    host(PORT4 => 'ScriptAlias / "@CGI@/env/"'),
    # Our own pages are closed by somebody who has a right to.
    host(PORT5 => 'ScriptAlias /ent "@CGI@/env"', location('/ent'), qq(<Location "/aten">\nRequire all denied\n</Location>)),
    host(PORT6 => 'ScriptAlias /ent "@CGI@/env"', location('/ent'), 'LimitRequestBody 2000'),
    # A front controller in a directory, and an .htaccess that would like to have them all.
    host(PORT7 => location('/'), <<~'END');
        <Directory "@DOCROOT@">
            RewriteEngine on
            RewriteRule ^(?!ent) /ent/front [L]
        </Directory>
        ScriptAlias /ent "@CGI@/env"
        END

my $server = Aten::Server->prepare(cas => $cas, children => 1, threads => 8);
$portals->metadata_file($server->root . '/conf/portals.xml', ['familles']);
$server->file('htdocs/files/page.shtml', qq(<p>NOM=<!--#echo var="ATEN_NOM" -->;</p>\n<!--#include virtual="/ent/part" -->\n));
$server->file('htdocs/files/page.shown', "x\n");
$server->file('htdocs/files/directory/none.html', "x\n");
utf8::encode($config);
$server->set_config($config);
$server->run;
browser()->get($server->url('/'));
my @processes = ($server->pid, $server->children);

package Site {
    sub new ($class, $port) { return bless { port => $port }, $class }
    sub url ($self, $path = '/', %option) { return 'http://localhost:' . $server->var($self->{port}) . $path }
    sub server ($self) { return $server }
    sub cas ($self) { return $cas }
}
my %site = map { $_ => Site->new($_) } 'PORT', map { "PORT$_" } 2 .. 7;
my $main = $site{PORT};

sub session ($browser, $port = 'PORT') { return $browser->jar->find(lc $port) }

# in (by a role), the portal, or the tag of why not.
sub seen ($page) {
    return 'in' . (length(identity_of($page)->{ATEN_ROLES} // '') ? ' as ' . identity_of($page)->{ATEN_ROLES} : '') if reached($page);
    return 'the portal' if $portals->request_of($page);
    return $page->json->{error} if ($page->header('content-type') // '') =~ /json/;
    my ($reference) = $page->text =~ /Référence à donner.*?: ([0-9a-f]{10})/;
    $reference //= 'none';
    return $server->log->text =~ /\b(AT\d{4}): [^\n]*\(reference \Q$reference\E\)/ ? $1 : 'status ' . $page->status;
}

sub until_portal (@more) { return (until => $portals->stop, @more) }
sub get ($browser, $path) { return $browser->get($main->url($path), until_portal()) }

# --- ForceAuthn and AuthnContext of a path ---

sub asked ($path) {
    my $request = $portals->request_of($portals->begin($main, to => $path)) // return 'nothing';
    return join ' ', $request->{text} =~ /ForceAuthn="(?:true|1)"/ ? 'anew' : (),
        $request->{text} =~ m{<(?:\w+:)?AuthnContextClassRef>([^<]*)<}g;
}

subtest 'what a path asks the portal for' => sub {
    my %asks = (
        '/ent' => '', '/anew' => 'anew', '/fort' => "anew $ppt", '/fort/deeper?x' => "anew $ppt", '/fort/libre' => '',
        '/fort/libre/deeper' => '', '/strong' => 'urn:test:strong', '/either' => "urn:test:strong $ppt", '/optional/fort' => $ppt,
    );
    is(asked($_), $asks{$_}, $_) for sort keys %asks;
    my $straight = browser();
    is($portals->request_of($portals->begin($main, to => '/strong', switch => 1))->{text} =~ /ForceAuthn/ ? 1 : 0, 1, 'switch=1 asks anew anywhere');
    is($straight->fetch($main->url('/fort/'), from => $main->url('/'))->status, 401, 'a script is only told to log in');
};

subtest 'the answer has to satisfy it' => sub {
    my @cases = (
        # path              answer   becomes          why
        ['/ent/',           'usual', 'in as eleve',   'nothing is asked for'],
        ['/ent/',           'old',   'in as eleve',   '... an old login will do'],
        ['/ent/',           'weak',  'in as eleve',   '... by whatever way'],
        ['/anew/',          'usual', 'in as eleve',   'anew'],
        ['/anew/',          'weak',  'in as eleve',   '... by whatever way'],
        ['/anew/',          'old',   'AT0330',        '... not hours ago'],
        ['/fort/',          'usual', 'in as eleve',   'anew, and by that way'],
        ['/fort/',          'old',   'AT0330',        '... not hours ago'],
        ['/fort/',          'weak',  'AT0331',        '... by no other way'],
        ['/fort/libre/',    'old',   'in as eleve',   'nothing of it further in'],
        ['/fort/libre/',    'weak',  'in as eleve',   '... nor of the way'],
        ['/strong/',        'usual', 'AT0331',        'a way that the portal does not go'],
        ['/either/',        'usual', 'in as eleve',   'one of two ways'],
        ['/either/',        'old',   'in as eleve',   '... not anew'],
        ['/either/',        'weak',  'AT0331',        '... neither of them'],
    );
    for my $case (@cases) {
        my ($path, $answer, $becomes, $why) = @$case;
        my $browser = $portals->begin($main, to => $path);
        my $mark    = $server->log->mark;
        $portals->pass($main, $browser, 'eleve', $odd{$answer} ? (case => $odd{$answer}) : ());
        is(seen($browser->page), $becomes, "$path, $answer: $why") or diag $server->log->since($mark);
        is(session($browser) ? 1 : 0, $becomes =~ /^in/ ? 1 : 0, '... session');
        next if $becomes =~ /^in/;
        is($browser->page->status, 403, '... 403');
        is($browser->page->h1, 'Cette page demande de se connecter à nouveau', '... a page that says so');
        like($server->log->since($mark), $becomes eq 'AT0330' ? qr/AT0330: .*AuthnInstant is \d{5} seconds before the request/
            : qr/AT0331: .*AuthnContextClassRef is urn:\S+, which AtenPortalAuthnContext does not name/, '... and the log exactly');
        is_deeply([grep { $_->{name} =~ /login|result/ } $browser->jar->all], [], '... nothing is under way any more');
    }
};

subtest 'a session that came by another way' => sub {
    my $weak = $portals->begin($main, to => '/ent/');
    $portals->pass($main, $weak, 'eleve', case => $odd{weak});
    is(seen($weak->page), 'in as eleve', 'a session, by a weak way');
    my %becomes = ('/ent/' => 'in as eleve', '/anew/' => 'in as eleve', '/fort/libre/' => 'in as eleve', '/optional/' => 'in as eleve',
        '/fort/' => 'AT0408', '/strong/' => 'AT0408', '/either/' => 'AT0408');
    is(seen(get($weak, $_)), $becomes{$_}, $_) for sort keys %becomes;
    ok(session($weak), 'the session goes on');
    my $script = $weak->fetch($main->url('/fort/'));
    is($script->status . ' ' . $script->json->{error}, '403 AT0408', 'a script: 403');
    is($script->header('www-authenticate'), undef, '... and no challenge');
    is(seen($weak->post_form($main->url('/fort/'), { a => 1 }, from => $main->url('/ent/'))), 'AT0408', 'a form too');

    my $page = get($weak, '/fort/page?a=b&c=%2F');
    is($page->status, 403, 'the page');
    is($page->h1, 'Cette page demande de se connecter à nouveau', '... says so');
    like($page->text, qr/La façon dont le guichet vous a connecté ne suffit pas pour cette page/, '... and why');
    $weak->click('Réessayer', until_portal());
    my $request = $portals->request_of($weak, 'familles');
    ok($request, '... its button leads to the portal');
    like($request->{text}, qr/ForceAuthn="(?:true|1)"/, '... which asks for the password');
    like($request->{text}, qr{AuthnContextClassRef>\Q$ppt\E<}, '... by the way that the page takes');
    $portals->pass($main, $weak, 'eleve');
    is($weak->url, $main->url('/fort/page?a=b&c=%2F'), '... and back at the page');
    is(seen($weak->page), 'in as eleve', '... in');

    # The portal cannot do better: no loop.
    $page = get($weak, '/strong/');
    is(seen($page), 'AT0408', 'a way that the portal does not go');
    $weak->click('Réessayer', until_portal());
    $portals->pass($main, $weak, 'eleve');
    is(seen($weak->page), 'AT0331', '... ends in a page');
    ok(!session($weak), '... and in no session');

    my $live = $portals->login($main, 'eleve', to => '/ent/');
    is(seen(get($live, '/anew/')), 'in as eleve', 'ForceAuthn is of a login: a session goes on');
    is(seen(get($live, '/either/')), 'in as eleve', 'a session by a good way opens them');
    my $by_cas = login($main, 'parent', to => '/ent/', profile => 'Autres publics');
    is(seen($by_cas->get($main->url($_))), 'in as parent', "a session by CAS is not concerned: $_") for qw(/fort/ /strong/);
    my $page_of_cas = login($main, 'prof', to => '/fort/', profile => 'Autres publics');
    is(seen($page_of_cas->page), 'in as personnel', 'nor a login by CAS');
};

# --- other places ---

subtest 'AtenOptional' => sub {
    is(seen(browser()->get($main->url('/optional/'))), 'in', 'nobody: let through');
    my $browser = $portals->login($main, 'parent', to => '/optional/x');
    is(identity_of($browser)->{ATEN_ROLES}, 'parent', 'a login for it ends there, as who one is');
    is(identity_of($browser->get($main->url('/optional/')))->{REMOTE_USER}, $parent, 'a session is shown');
    is(identity_of($browser->get($main->url('/maybe/')))->{REMOTE_USER}, $parent, '... also where nobody has to be anybody');
    is(identity_of($browser->fetch($main->url('/optional/')))->{ATEN_ELEVE_ID}, '701294;701295;600777', '... to scripts too');
    unlike(env_of($browser->get($main->url('/optional/')))->{HTTP_COOKIE} // '', qr/port/, '... without our cookie');
    my $weak = $portals->begin($main, to => '/ent/');
    $portals->pass($main, $weak, 'eleve', case => $odd{weak});
    is_deeply(identity_of($weak->get($main->url('/optional/fort/'))), {}, 'a session that the path does not take is nobody');
    is(identity_of($weak->get($main->url('/optional/')))->{ATEN_ROLES}, 'eleve', '... there alone');
};

subtest 'Require user' => sub {
    my %browser = map { $_ => $portals->login($main, $_, to => '/ent/') } qw(eleve parent);
    is(seen($browser{eleve}->get($main->url('/pupil/'))), 'in as eleve', "$pupil");
    is(seen($browser{parent}->get($main->url('/parents/'))), 'in as parent', 'a parent by name, with accents and an apostrophe');
    for my $case (['parent', '/pupil/'], ['eleve', '/parents/']) {
        my ($who, $path) = @$case;
        my $page = $browser{$who}->get($main->url($path));
        is(seen($page), 'AT0405', "$who at $path");
        is($page->status, 403, '... 403');
        is($page->h1, 'Cette page n’est pas ouverte à votre compte', '... a page');
        is($page->header('www-authenticate'), undef, '... that asks for nothing');
    }
    is(seen(browser()->get($main->url('/pupil/'))), 'status 200', 'nobody is asked to log in');
    $server->log_like(qr/\[authz_core:error\].*AH01631/, 'httpd says it in its own way as well');
};

sub variables ($env) { return { map { $_ => $env->{$_} } grep { /^(?:REMOTE_USER|AUTH_TYPE|ATEN_)/ } keys %$env } }

subtest 'internal redirects and sub-requests' => sub {
    my $browser  = $portals->login($main, 'parent', to => '/ent/');
    my $expected = identity_of($browser);
    is($expected->{ATEN_BACKEND}, 'aten', 'by the portal');
    my %way = (
        '/files/none.html'   => 'ErrorDocument',
        '/files/moved'       => 'RewriteRule of a directory',
        '/files/page.shown'  => 'Action',
        '/files/directory/'  => 'DirectoryIndex',
    );
    for my $path (sort keys %way) {
        my $page = $browser->get($main->url($path));
        ok(reached($page), "$way{$path}: $path") or diag $page->status . ' ' . $page->body;
        is_deeply(identity_of($page), $expected, '... with everything that is known of the person') or diag explain identity_of($page);
    }
    my $page = $browser->get($main->url('/files/page.shtml'));
    like($page->body, qr/NOM=L(?:'|&#39;|&#x27;)H.{1,9}rault-M.{1,9}ller;/, 'SSI: echo');
    my ($json) = $page->body =~ /(\{"env".*\})/s;
    my $part   = $json ? JSON::PP->new->utf8->decode($json)->{env} : {};
    is_deeply(variables($part), $expected, 'SSI: include virtual') or diag $page->body;
};

# --- in the way of the ACS ---

for my $case (
    ['PORT2', '/page', '/front', 'Location "/", and RewriteRule to a front controller'],
    ['PORT3', '/page', undef,    'Location "/", and ProxyPass /'],
    ['PORT7', '/page', '/ent',   'Location "/", and a front controller of a directory'],
) {
    my ($port, $path, $script, $why) = @$case;
    subtest $why => sub {
        my $site    = $site{$port};
        my $chooser = browser()->get($site->url($path));
        is($chooser->h1, 'Indiquez votre profil', 'the chooser');
        my $browser = $portals->begin($site, to => "$path?a=b");
        my $page    = $portals->pass($site, $browser, 'parent');
        is($browser->url, $site->url("$path?a=b"), 'a login ends at the page');
        ok(reached($page), '... which is the application\'s') or diag $page->text;
        is(env_of($page)->{SCRIPT_NAME}, $script, '... there') if defined $script;
        is(identity_of($page)->{REMOTE_USER}, $parent, '... as oneself') if $port ne 'PORT3';
        like(browser()->get($site->url('/aten/saml/metadata'))->body, qr/^<\?xml.*SPSSODescriptor/s, 'our metadata is ours');
        is(browser()->post_form($site->url('/aten/saml/acs'), { a => 'b' }, from => $portals->forge->address)->status, 400, 'and so is the ACS');
        is(browser()->get($site->url('/aten/saml/done'), follow => 0)->status, 303, '... and the end');
    };
}

subtest 'Require all denied' => sub {
    my $site = $site{PORT5};
    is(browser()->get($site->url("/aten/$_"), follow => 0)->status, 403, "/aten/$_") for 'login?profile=eleves-parents', 'saml/metadata',
        'saml/done?state=' . 'A' x 22 . '.0.eleves-parents', 'session';
    my $browser = $portals->begin($main, to => '/ent/');
    my $mark    = $server->log->mark;
    my $page    = $portals->forge->post($site, $browser, $portals->answer($site, $browser, 'eleve'), follow => 0);
    is($page->status, 403, '/aten/saml/acs, a good answer');
    is_deeply([$page->header_all('set-cookie')], [], '... no cookie');
    unlike($server->log->since($mark), qr/AT0\d\d\d/, '... and nothing of it is looked at');
    $server->log_like(qr/\[authz_core:error\].*AH01630/, '... says httpd');
};

# --- methods and bodies ---

# A login is begun; the portal's answer as the body of a POST, not sent yet.
sub begun ($site = $main) {
    my $browser = $portals->begin($site, to => '/ent/');
    return ($portals->answer($site, $browser, 'eleve')->{body}, $browser);
}

my $form = 'Content-Type: application/x-www-form-urlencoded';
my $html = 'Accept: text/html';

sub request ($method, $body, @headers) {
    return join "\r\n", "$method /aten/saml/acs HTTP/1.1", 'Host: localhost', $html, @headers, '', $body;
}

# What came back: {status, allow, reference, cookies, body, all}.
sub raw ($bytes, $port = 'PORT') {
    my $all = raw_request($server->var($port), $bytes);
    my ($head, $body) = split /\r\n\r\n/, $all =~ s{^(?:HTTP/1\.1 100 Continue\r\n\r\n)+}{}r, 2;
    $head //= '';
    # In a list $1 would be that of the last pattern.
    my ($status)   = $head =~ m{^HTTP/1\.1 (\d+)};
    my ($allow)    = $head =~ /^Allow: (.*?)\r?$/m;
    my ($location) = $head =~ /^Location: (.*?)\r?$/m;
    return {
        all => $all, body => $body // '', status => $status // 0, allow => $allow // '', location => $location // '',
        continue => scalar(() = $all =~ /100 Continue/g), cookies => [$head =~ /^Set-Cookie: (.*?)\r?$/mg],
    };
}

sub length_of ($body) { return 'Content-Length: ' . length $body }
sub chunked ($body, $size) { return join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $body), "0\r\n\r\n" }

# The last line that our module wrote since, without its time.
sub said ($mark) { return (map { /\b(AT\d{4}): / ? $1 : () } grep { /\[auth_aten:/ } split /\n/, $server->log->since($mark))[-1] // 'nothing' }

subtest 'methods' => sub {
    my ($body, $browser) = begun();
    for my $method (qw(GET HEAD PUT DELETE OPTIONS PATCH)) {
        my @body   = $method =~ /^P/ ? (length_of($body), $form) : ();
        my $answer = raw(request($method, @body ? $body : '', @body, 'Connection: close'));
        is($answer->{status}, 405, "$method: 405");
        is($answer->{allow}, 'POST', '... and what would be right');
        is_deeply($answer->{cookies}, [], '... no cookie');
        is($answer->{body}, '', '... nor a body') if $method eq 'HEAD';
    }
    my $query = raw("GET /aten/saml/acs?$body HTTP/1.1\r\nHost: localhost\r\n$html\r\nConnection: close\r\n\r\n");
    isnt($query->{status}, 303, 'a good answer in the address: not taken');
    is_deeply($query->{cookies}, [], '... no cookie');
    my $answer = raw(request('POST', $body, $form, length_of($body), 'Connection: close'));
    is($answer->{status}, 303, 'after all that it still counts, by POST');
    like($answer->{cookies}[0] // '', qr/^port-result=[\w-]{20}/, '... with its result');
};

subtest 'bodies' => sub {
    my @good = (
        ['its length is told',        sub ($b) { request('POST', $b, $form, length_of($b), 'Connection: close') }],
        ['with a charset',            sub ($b) { request('POST', $b, "$form; charset=UTF-8", length_of($b), 'Connection: close') }],
        ['the type in capitals',      sub ($b) { request('POST', $b, uc($form) =~ s/CONTENT-TYPE/Content-Type/r, length_of($b), 'Connection: close') }],
        ['one chunk',                 sub ($b) { request('POST', chunked($b, length $b), $form, 'Transfer-Encoding: chunked', 'Connection: close') }],
        ['chunks of 7 bytes',         sub ($b) { request('POST', chunked($b, 7), $form, 'Transfer-Encoding: chunked', 'Connection: close') }],
        ['chunks with trailers',      sub ($b) { request('POST', chunked($b, 1000) =~ s/\r\n\z/X-Aten-User: x\r\n\r\n/r, $form, 'Transfer-Encoding: chunked', 'Connection: close') }],
        ['Expect: 100-continue',      sub ($b) { request('POST', $b, $form, length_of($b), 'Expect: 100-continue', 'Connection: close') }, 1],
    );
    for my $case (@good) {
        my ($why, $bytes, $continue) = @$case;
        my ($body, $browser) = begun();
        my $answer = raw($bytes->($body));
        is($answer->{status}, 303, $why) or diag substr $answer->{all}, 0, 300;
        like($answer->{cookies}[0] // '', qr/^port-result=[\w-]{20}/, '... with its result');
        is($answer->{continue}, $continue // 0, '... 100 Continue') if $continue;
    }
    my $large = 'SAMLResponse=' . 'A' x (512 * 1024);
    my @bad = (
        ['none at all',               400, 'AT0104', sub ($b) { request('POST', '', $form, 'Connection: close') }],
        ['of 0 bytes',                400, 'AT0104', sub ($b) { request('POST', '', $form, 'Content-Length: 0', 'Connection: close') }],
        ['no chunk',                  400, 'AT0104', sub ($b) { request('POST', "0\r\n\r\n", $form, 'Transfer-Encoding: chunked', 'Connection: close') }],
        ['without SAMLResponse',      400, 'AT0104', sub ($b) { request('POST', 'RelayState=x', $form, 'Content-Length: 12', 'Connection: close') }],
        ['another type',              400, 'AT0104', sub ($b) { request('POST', $b, 'Content-Type: text/plain', length_of($b), 'Connection: close') }],
        ['no type: a script',         400, 'AT0104', sub ($b) { request('POST', $b, length_of($b), 'Connection: close') }],
        ['a type that begins so',     400, 'AT0104', sub ($b) { request('POST', $b, "${form}2", length_of($b), 'Connection: close') }],
        ['too large',                 413, 'AT0114', sub ($b) { request('POST', $large, $form, length_of($large), 'Connection: close') }],
        ['too large, told only',      413, 'AT0114', sub ($b) { request('POST', '', $form, 'Content-Length: 99999999', 'Connection: close') }],
        ['too large, in chunks',      413, 'AT0114', sub ($b) { request('POST', chunked($large, 8000), $form, 'Transfer-Encoding: chunked', 'Connection: close') }],
        ['a broken chunk',            400, 'AT0115', sub ($b) { request('POST', "zz\r\n$b", $form, 'Transfer-Encoding: chunked', 'Connection: close') }],
        ['an encoding that nobody knows', 400, 'nothing', sub ($b) { request('POST', $b, $form, 'Transfer-Encoding: gzip', 'Connection: close') }],
    );
    for my $case (@bad) {
        my ($why, $status, $tag, $bytes) = @$case;
        my ($body) = begun();
        my $mark   = $server->log->mark;
        my $answer = raw($bytes->($body));
        is($answer->{status}, $status, "$why: $status") or diag substr $answer->{all}, 0, 500;
        is_deeply($answer->{cookies}, [], '... no cookie');
        is(said($mark), $tag, $tag eq 'nothing' ? '... httpd itself refuses it' : "... $tag");
        my $whole = $why =~ /script/ ? qr/^\{"error":"$tag".*\}\z/s : qr{<html.*</html>\s*\z}s;
        like($answer->{body}, $whole, '... the whole answer, and nothing behind it');
    }
    my $answer = raw(request('POST', '', $form, 'Content-Length: 99999999', 'Expect: 100-continue', 'Connection: close'));
    is("$answer->{status} $answer->{continue}", '413 0', 'too large, with Expect: nobody is told to go on');
};

subtest 'a body that breaks off' => sub {
    my ($body) = begun();
    for my $case (
        ['in the middle',   request('POST', substr($body, 0, 100), $form, length_of($body))],
        ['before it',       request('POST', '', $form, length_of($body))],
        ['in a chunk',      request('POST', sprintf("%x\r\n%s", length $body, substr $body, 0, 100), $form, 'Transfer-Encoding: chunked')],
        ['behind a chunk',  request('POST', sprintf("%x\r\n%s\r\n", length $body, $body), $form, 'Transfer-Encoding: chunked')],
    ) {
        my ($why, $bytes) = @$case;
        my $mark   = $server->log->mark;
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port, Timeout => 5) or die "connect: $!";
        $socket->syswrite($bytes);
        shutdown $socket, 1;    # nothing more will come
        my $text = '';
        while (sysread $socket, my $part, 4096) { $text .= $part }
        like($server->log->wait_like(qr/AT0115: /, $mark), qr/\[auth_aten:info\].*AT0115: /, "$why: says the log");
        unlike($text, qr/Set-Cookie/, '... no cookie');
    }
    is_deeply([$server->pid, $server->children], \@processes, 'the same processes are alive');
    my $answer = raw(request('POST', $body, $form, length_of($body), 'Connection: close'));
    is($answer->{status}, 303, 'and the answer was not used up by that');
};

subtest 'one connection' => sub {
    my ($body)  = begun();
    my ($other) = begun();
    my $metadata = "GET /aten/saml/metadata HTTP/1.1\r\nHost: localhost\r\n";
    my $answer = raw(request('POST', $body, $form, length_of($body)) . request('PUT', $other, $form, length_of($other))
        . request('POST', chunked($other, 50), $form, 'Transfer-Encoding: chunked') . "${metadata}Connection: close\r\n\r\n");
    is(join(' ', $answer->{all} =~ m{HTTP/1\.1 (\d{3}) [A-Z]}g), '303 405 303 200', 'each body ends where it ends, read or not');
};

subtest 'LimitRequestBody' => sub {
    my $site = $site{PORT6};
    my ($body, $browser) = begun($site);
    cmp_ok(length $body, '>', 2000, 'an answer is larger than that');
    for my $bytes (
        request('POST', $body, $form, length_of($body), 'Connection: close'),
        request('POST', chunked($body, 500), $form, 'Transfer-Encoding: chunked', 'Connection: close'),
    ) {
        my $mark   = $server->log->mark;
        my $answer = raw($bytes, 'PORT6');
        like($answer->{status}, qr/^(?:413|400)$/, "the administrator's limit holds: $answer->{status}");
        is_deeply($answer->{cookies}, [], '... no cookie');
        like($answer->{body}, qr{<html.*</html>\s*\z}s, '... a page');
        like(said($mark), qr/^AT011[45]$/, '... and a line of the log');
    }
};

$server->log_like(qr/\[(?:http|core|proxy_http):(?:error|warn|info)\]/, 'httpd speaks of broken bodies as well') if $server->log->text =~ /\[(?:http|core):error\]/;
$server->clean_log_ok(qr/\[auth_aten:(?:warn|info)\].*AT\d{4}: .*\(reference/, qr/AH0\d+: .*(?:limit|chunk|Transfer-Encoding)/i);

# --- the store ---

sub mode ($path) { my @stat = stat $path or return 'missing'; return sprintf '%04o %s', $stat[2] & 07777, scalar getpwuid $stat[4] }

my $store_config = <<~'END';
    AtenPortalMetadata @ROOT@/conf/portals.xml
    AtenCASServer @CAS@
    ScriptAlias /ent "@CGI@/env"
    <Location "/ent">
        AuthType aten
        Require valid-user
    </Location>
    END

sub store_server (%option) {
    my $made = Aten::Server->prepare(cas => $cas, name => 'store', config => $store_config, %option);
    $portals->metadata_file($made->root . '/conf/portals.xml', ['familles']);
    return $made;
}

subtest 'the store is made' => sub {
    my $made  = store_server();
    my $state = $made->root . '/state';
    $made->configtest;
    ok(!-e $state, 'configtest makes nothing');
    $made->run;
    my $user = $> == 0 ? 'www-data' : getpwuid $>;
    my $self = getpwuid $>;
    my %expected = ('' => $> == 0 ? "0711 $self" : "0700 $self", '/keys' => "0600 $self", '/store' => "0700 $user",
        '/store/data.mdb' => "0600 $user", '/store/lock.mdb' => "0600 $user");
    $made->wait_for(sub { -e "$state/store/data.mdb" });
    is(mode("$state$_"), $expected{$_}, "state$_") for sort keys %expected;
    my $browser = $portals->login($made, 'eleve', to => '/ent/');
    is(identity_of($browser)->{REMOTE_USER}, $pupil, 'a login ends');
    is(mode("$state$_"), $expected{$_}, "after it: state$_") for sort keys %expected;
    # An older state directory, or one that somebody made: only what is needed is opened.
    for my $mode (0700, 0750, 0755) {
        browser()->get($made->url('/'));    # the child has begun, and has opened what it needs
        chmod $mode, $state;
        $made->graceful;
        is(mode($state), sprintf('%04o %s', $> == 0 ? $mode | 0011 : $mode, $self), sprintf('a state directory of mode %04o', $mode));
    }
    ok(-s "$state/store/data.mdb" < 8 << 20, 'the file is not as large as it may become: ' . -s "$state/store/data.mdb");
    $made->clean_log_ok;
};

# What is done to it; the next generation starts all the same.
my $uid = $> == 0;
my @broken = (
    ['no database',      sub ($store) { Aten::Process::spew("$store/data.mdb", "no database\n" x 5000) }, qr/data\.mdb' is damaged/],
    ['cut off',          sub ($store) { truncate "$store/data.mdb", 5000 },                              qr/data\.mdb' is damaged/],
    ['a file in its place', sub ($store) { system 'rm', '-rf', $store; Aten::Process::spew($store, "in the way\n") }, qr/store' is no directory/],
    ['a link',           sub ($store) { rename "$store/data.mdb", "$store/other"; symlink 'other', "$store/data.mdb" }, qr/data\.mdb' is no regular file/],
    $uid ? (
        ['of another user',  sub ($store) { chown 0, 0, "$store/data.mdb" },     qr/data\.mdb' cannot be (?:read|opened)/],
        ['read-only',        sub ($store) { chmod 0400, "$store/data.mdb" },     qr/data\.mdb' cannot be (?:read|opened)/],
        ['its lock file is another user\'s', sub ($store) { chown 0, 0, "$store/lock.mdb" }, qr/(?:lock|data)\.mdb' cannot be/],
    ) : (),
);

subtest 'an unusable store' => sub {
    my $made  = store_server();
    my $store = $made->root . '/state/store';
    $made->run;
    my $live = $portals->login($made, 'parent', to => '/ent/');
    my $by_cas = login($made, 'prof', to => '/ent/', profile => 'Autres publics');
    is(identity_of($live)->{REMOTE_USER}, $parent, 'before: a session by the portal');
    is(identity_of($by_cas)->{REMOTE_USER}, 'prof', '... and one by CAS');
    for my $case (@broken) {
        my ($why, $break, $says) = @$case;
        rename $store, "$store.kept" or die "rename: $!";
        system 'cp', '-a', "$store.kept", $store;
        $break->($store);
        my $mark = $made->log->mark;
        $made->reload;
        my $log = $made->log->wait_like(qr/\[auth_aten:crit\]/, $mark);
        is(scalar(() = $log =~ /\[auth_aten:crit\]/g), 1, "$why: the start says it, once");
        $made->log_like(qr/\[auth_aten:crit\].*AtenStateDir: '\Q$store\E.*no login can end in this child, and requests with a session get 503/, '... loudly', $mark);
        $made->log_like($says, '... and what is wrong', $mark);
        is($live->get($made->url('/ent/'))->status, 503, 'whether the session by the portal was ended cannot be known');
        is($by_cas->get($made->url('/ent/'))->status, 503, '... nor of the one by CAS');
        my $portal = $portals->login($made, 'eleve', to => '/ent/');
        my $cas    = login($made, 'eleve', to => '/ent/', profile => 'Autres publics');
        for my $case (['the portal', $portal], ['CAS', $cas]) {
            my ($way, $browser) = @$case;
            my $page = $browser->page;
            is($page->status, 503, "a login by $way ends in 503") or diag $page->text;
            is($page->h1, 'L’ENT a un problème technique', '... a page that says so');
            ok($page->header('retry-after'), '... and when to try again');
            ok(!$browser->jar->find('aten'), '... no session');
            my ($reference) = $page->text =~ /Référence à donner.*?: ([0-9a-f]{10})/;
            $reference //= 'none';
            $made->log_like(qr/\[auth_aten:error\].*AT0160: .*\(reference \Q$reference\E\)/, '... and the log', $mark);
        }
        system 'rm', '-rf', $store;
        rename "$store.kept", $store or die "rename: $!";
        $made->reload;
        is(identity_of($portals->login($made, 'eleve', to => '/ent/'))->{REMOTE_USER}, $pupil, 'whole again: a login ends');
        is(identity_of($live->get($made->url('/ent/')))->{REMOTE_USER}, $parent, '... and the session by the portal goes on');
        is(identity_of($by_cas->get($made->url('/ent/')))->{REMOTE_USER}, 'prof', '... and the one by CAS');
    }
    $made->clean_log_ok(qr/AT0160: .*: the session cannot be judged \(reference/);
};

subtest 'an unusable store, and metadata that the children cannot read' => sub {
    plan skip_all => 'not root' if !$uid;
    my $made  = store_server();
    my $store = $made->root . '/state/store';
    my $file  = $made->root . '/conf/portals.xml';
    $made->run;
    $made->wait_for(sub { -e "$store/data.mdb" });
    rename $store, "$store.kept" or die "rename: $!";
    mkdir $store or die "store: $!";
    Aten::Process::spew("$store/data.mdb", "no database\n" x 5000);
    chown +(getpwnam 'www-data')[2, 3], $store, "$store/data.mdb";
    chmod 0600, $file;
    my $mark = $made->log->mark;
    $made->reload;
    $made->log_like(qr/\[auth_aten:warn\].*AtenPortalMetadata: '\Q$file\E' cannot be read by the children/, 'the one is said', $mark);
    $made->log_like(qr/\[auth_aten:crit\].*AtenStateDir: .*no login can end in this child/, '... and does not hide the other', $mark);
    $made->clean_log_ok;
};

is($portals->forge->contacted, 0, 'nothing was fetched');
done_testing;

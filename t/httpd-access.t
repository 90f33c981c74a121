# Who gets in where several rules meet: AtenOptional, Satisfy, RequireAny and its relatives, Limit; what holds for the
# path in `to` is read without asking for it; Host and its relatives decide nothing; a normal day writes no log line.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::URL ();

need_module;

# A place with a program of its own.
sub place ($path, $text, $type = 'aten') {
    return qq{ScriptAlias $path \@CGI\@/env\n<Location "$path">\nAuthType $type\n$text\n</Location>\n};
}

sub host ($port, $text) {
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    return "$listen<VirtualHost 127.0.0.1:\@$port\@>\nServerName localhost\nAtenCASServer \@CAS\@\n$text"
        . "</VirtualHost>\n";
}

my $deny   = "Order deny,allow\nDeny from all";
my $cas    = Aten::CAS->new;
my $server = Aten::Server->prepare(
    cas => $cas, name => 'access', log_level => 'warn', modules => ['access_compat'], config => join '',
    host('PORT', join '',
        "AtenHome /index.html\n",
        "AtenCASCutoff announced \"from server\" pupils\n",
        place('/ent', 'Require valid-user'),
        # AtenOptional
        map({ place("/optional/$_->[0]", "AtenOptional on\n$_->[1]") }
            [ granted => 'Require all granted' ], [ valid => 'Require valid-user' ],
            [ user    => 'Require user somebody-else' ],
            [ profile => "AtenProfiles eleves-parents\nRequire all granted" ],
            [ closed  => "AtenCASCutoff 2017-03-01 everyone\nRequire valid-user" ],
            [ ip      => "<RequireAll>\nRequire ip 192.0.2.1\nRequire valid-user\n</RequireAll>" ],
            [ denied  => 'Require all denied' ]),
        # Combinations
        place('/any/here',    "<RequireAny>\nRequire ip 127.0.0.1\nRequire valid-user\n</RequireAny>"),
        place('/any/away',    "<RequireAny>\nRequire ip 192.0.2.1\nRequire valid-user\n</RequireAny>"),
        place('/any/users',   "<RequireAny>\nRequire user somebody-else\nRequire user prof\n</RequireAny>"),
        place('/all/users',   "<RequireAll>\nRequire valid-user\nRequire not user eleve\n</RequireAll>"),
        place('/all/away',    "<RequireAll>\nRequire ip 192.0.2.1\nRequire valid-user\n</RequireAll>"),
        place('/expression',  q{Require expr "%{REMOTE_USER} == 'prof'"}),
        place('/expression2', q{Require expr "%{REMOTE_ADDR} == '192.0.2.1'"}),
        place('/method',      "<RequireAny>\nRequire method GET\nRequire valid-user\n</RequireAny>"),
        place('/granted',     'Require all granted'),
        place('/nothing',     ''),
        place('/satisfy/here', "Satisfy Any\n$deny\nAllow from 127.0.0.1\nRequire valid-user"),
        place('/satisfy/away', "Satisfy Any\n$deny\nAllow from 192.0.2.1\nRequire valid-user"),
        place('/satisfy/both', "Satisfy All\n$deny\nAllow from 192.0.2.1\nRequire valid-user"),
        place('/except', "<LimitExcept GET HEAD>\nRequire valid-user\n</LimitExcept>"),
        place('/limit',  "<Limit POST PUT>\nRequire valid-user\n</Limit>"),
        # What `to` may name; what holds for our own pages is nothing to it.
        qq{<Location "/aten">\nAtenCASCutoff announced "from own" pupils\n</Location>\n},
        place('/probe/announced', "AtenCASCutoff announced \"from location\" pupils\nRequire valid-user"),
        place('/probe/denied',    "AtenCASCutoff announced \"from denied\" pupils\nRequire all denied"),
        place('/probe/public',    'Require all granted'),
        qq{ScriptAlias /probe/touch \@CGI\@/touch\n},
        "ProxyPass /probe/proxied http://127.0.0.1:\@PORT4\@/proxied\n",
        "Redirect /probe/moved /elsewhere\n",
    ),
    host('PORT2', "<Location />\nAuthType aten\nSatisfy Any\n$deny\nRequire valid-user\n</Location>\n"),
    host('PORT3', "<Location />\nAuthType aten\n$deny\nRequire valid-user\n</Location>\n"),
    <<'END',
Listen 127.0.0.1:@PORT4@
<VirtualHost 127.0.0.1:@PORT4@>
    CustomLog logs/backend.log "%U"
</VirtualHost>
END
);
$server->file('cgi-bin/touch', <<'END');
#!/bin/sh
: > @ROOT@/logs/touched
echo 'Content-Type: text/plain'
echo
echo touched
END
chmod 0755, $server->root . '/cgi-bin/touch';
$server->file('htdocs/probe/broken/.htaccess', "AtenCASCutoff announced \"from broken\" pupils\nNoSuchDirective\n");
$server->file('htdocs/probe/broken/index.html', "page\n");
$server->file('htdocs/probe/forbidden/.htaccess', "RewriteEngine on\nRewriteRule ^ - [F]\n");
$server->file('logs/backend.log', '');
$server->run;

sub at ($path, $port = 'PORT') { return 'http://localhost:' . $server->var($port) . $path }

sub raw ($path, %option) {
    my %headers = (Host => 'localhost', Accept => 'text/html', Connection => 'close', %{ $option{headers} // {} });
    return raw_request($server->var($option{port} // 'PORT'), ($option{method} // 'GET') . " $path HTTP/1.1\r\n"
        . join('', map { "$_: $headers{$_}\r\n" } sort keys %headers) . "\r\n");
}

$server->log->wait_like(qr/resuming normal operations/);
my $start = $server->log->mark;
my $prof  = login($server, 'prof');
my $eleve = login($server, 'eleve', profile => qr/eleves-parents/);

subtest 'a normal day at LogLevel warn' => sub {
    is identity_of($prof)->{REMOTE_USER}, 'prof', 'in';
    my $other = login($server, 'parent', via => 'page', to => '/ent/page?a=b');
    is identity_of($other)->{REMOTE_USER}, 'parent', 'somebody else';
    is $other->get(at('/aten/login?to=/ent/'))->status, 200, 'the chooser';
    is $other->get(at('/aten/cas'), follow => 0)->status, 303, 'back at the return address without anything';
    $other->get(at('/aten/logout'));
    is $other->get(at('/ent/'))->url =~ s/\?.*//r, at('/aten/login'), 'out';
    is $server->log->since($start), '', 'not one line is written';
};

# What a place does with nobody, prof (autres-publics) and eleve (eleves-parents): the status, and whom the application
# saw.
sub seen ($browser, $path) {
    my $page = $browser->get(at($path), follow => 0);
    return $page->status if !reached($page);
    my $seen = identity_of($page);
    return 'inconsistent' if defined $seen->{REMOTE_USER} != defined $seen->{ATEN_BACKEND};
    return $page->status . ' ' . ($seen->{REMOTE_USER} // 'nobody');
}

my @places = (
    # path                 nobody         prof           eleve          why
    ['/ent/',              303,          '200 prof',    '200 eleve',   'the usual'],
    ['/optional/granted/', '200 nobody', '200 prof',    '200 eleve',   'AtenOptional, nothing required'],
    ['/optional/valid/',   '200 nobody', '200 prof',    '200 eleve',   'AtenOptional, a user required'],
    ['/optional/user/',    303,          403,           403,           'AtenOptional, another user: nobody is asked'],
    ['/optional/profile/', '200 nobody', '200 nobody',  '200 eleve',   'AtenOptional: of another profile is nobody'],
    ['/optional/closed/',  '200 nobody', '200 nobody',  '200 nobody',  'AtenOptional: closed by the cut-off is nobody'],
    ['/optional/ip/',      403,          403,           403,           'AtenOptional lifts no other rule'],
    ['/optional/denied/',  403,          403,           403,           '... nor this'],
    ['/any/here/',         '200 nobody', '200 nobody',  '200 nobody',  'RequireAny: by address, nobody is asked'],
    ['/any/away/',         303,          '200 prof',    '200 eleve',   'RequireAny: otherwise by a login'],
    ['/any/users/',        303,          '200 prof',    403,           'RequireAny of two users'],
    ['/all/users/',        303,          '200 prof',    403,           'RequireAll with a not'],
    ['/all/away/',         403,          403,           403,           'RequireAll with an address'],
    ['/expression/',       303,          '200 prof',    403,           'Require expr over the user'],
    ['/expression2/',      403,          403,           403,           'Require expr over something else'],
    ['/method/',           '200 nobody', '200 nobody',  '200 nobody',  'Require method'],
    ['/granted/',          '200 nobody', '200 nobody',  '200 nobody',  'AuthType alone protects nothing'],
    ['/nothing/',          '200 nobody', '200 nobody',  '200 nobody',  '... without any Require neither'],
    ['/satisfy/here/',     '200 nobody', '200 nobody',  '200 nobody',  'Satisfy Any: by address'],
    ['/satisfy/away/',     303,          '200 prof',    '200 eleve',   'Satisfy Any: otherwise by a login'],
    ['/satisfy/both/',     403,          403,           403,           'Satisfy All: both'],
    ['/except/',           '200 nobody', '200 nobody',  '200 nobody',  'LimitExcept GET'],
    ['/limit/',            '200 nobody', '200 nobody',  '200 nobody',  'Limit POST'],
);

my $nobody = browser();
for my $case (@places) {
    my ($path, @expected) = @$case;
    my $why = pop @expected;
    is_deeply [ map { seen($_, $path) } $nobody, $prof, $eleve ], \@expected, "$path $why";
}

subtest 'methods' => sub {
    my $form = sub ($browser, $path) {
        my $page = $browser->post_form(at($path), { a => 'b' }, from => at('/'), follow => 0);
        return reached($page) ? identity_of($page)->{REMOTE_USER} // 'nobody' : $page->status;
    };
    for my $path (qw(/except/ /limit/ /method/ /ent/)) {
        is $form->($nobody, $path), 303,    "$path: a form of nobody is not taken";
        is $form->($prof,   $path), 'prof', "$path: that of somebody is";
    }
    for my $path (qw(/ent/x /except/x)) {
        for my $method (qw(OPTIONS PUT DELETE PATCH PROPFIND UNKNOWN)) {
            my $answer = raw($path, method => $method);
            like $answer, qr{^HTTP/1\.1 401 }, "$method $path by nobody";
            like $answer, qr/^WWW-Authenticate: Aten/mi, '... is asked to log in';
            unlike $answer, qr/X-Answered-By/i, '... and not answered by the application';
        }
    }
    like raw('/except/x', method => 'HEAD'), qr{^HTTP/1\.1 200 }, 'HEAD is where GET is';
    my $cookie = join '; ', map { "$_->{name}=$_->{value}" } $prof->jar->all;
    for my $method (qw(OPTIONS PUT)) {
        my $answer = raw('/ent/x', method => $method, headers => { Cookie => $cookie });
        like $answer, qr{^HTTP/1\.1 200 .*"REMOTE_USER": "prof"}s, "$method with a session reaches the application";
    }
    like raw('*', method => 'OPTIONS'), qr{^HTTP/1\.1 200 }, 'OPTIONS * is httpd\'s';
};

subtest 'the module\'s own pages under Satisfy' => sub {
    is browser()->get(at('/aten/login', 'PORT2'))->h1, 'Indiquez votre profil', 'Any: there, for a user is one way in';
    is browser()->get(at('/', 'PORT2'), follow => 0)->status, 303, '... and asked for';
    is $prof->get(at('/', 'PORT2'))->status, 200, '... and enough';
    is browser()->get(at('/aten/login', 'PORT3'))->status, 403, 'All: the address is refused';
    is $prof->get(at('/', 'PORT3'))->status, 403, '... with a session too';
};

# The lines of the access log that match, when there are that many: httpd writes them behind the answer.
sub access_lines ($pattern, $number) {
    my @lines;
    for (1 .. 100) {
        @lines = grep { $_ =~ $pattern } split /\n/, Aten::Process::slurp($server->root . '/logs/access.log');
        last if @lines >= $number;
        select undef, undef, undef, 0.05;
    }
    return @lines;
}

subtest 'what holds for `to`' => sub {
    my $chooser = sub ($to) { browser()->get(at('/aten/login?to=' . Aten::URL::escape($to)), follow => 0) };
    my $mark      = $server->log->mark;
    my @announced = ('from location', 'from denied', 'from server', 'from broken', 'from own');
    my @cases     = (
        ['/probe/announced/x',  'from location', 'the place\'s'],
        ['/probe/denied/x',     'from denied',   'also where everything is denied'],
        ['/probe/touch/x',      'from server',   'a program'],
        ['/probe/proxied/x',    'from server',   'a proxy'],
        ['/probe/none/such',    'from server',   'nothing there'],
        ['/probe/broken/',      'from server',   'a broken .htaccess: the server\'s'],
        ['/probe/moved/x',      'from server',   'a Redirect: the server\'s'],
        ['/probe/forbidden/x',  'from server',   'a RewriteRule that forbids'],
        ['/probe/announced/%2F', 'from server',  'what httpd refuses: the server\'s'],
    );
    for my $case (@cases) {
        my ($to, $text, $why) = @$case;
        my $page = $chooser->($to);
        is $page->status, 200, "$to: the chooser";
        my @found = grep { index($page->text, $_) >= 0 } @announced;
        is_deeply \@found, [$text], "... $why";
        like $page->link(qr/autres-publics/)->{href}, qr/to=\Q@{[ Aten::URL::escape($to) ]}\E/i, '... leads there'
            if $to !~ /%/;
        unlike $page->html, qr/touched|"env"/, '... and nothing of the place itself';
    }
    my @lines = access_lines(qr{[/=]probe|%2Fprobe}i, scalar @cases);
    is scalar(@lines), scalar @cases, 'one line in the access log for each';
    is_deeply [ grep { !m{"GET /aten/login\?to=} } @lines ], [], '... and none for the place';
    is_deeply [ grep { !/NoSuchDirective|AH00026/ } split /\n/, $server->log->since($mark) ], [],
        'no rule of the place was asked: none complains';
    ok !-e $server->root . '/logs/touched', 'no program was run';
    is browser()->get(at('/probe/touch/x'))->html, "touched\n", '... which is there';
    ok -e $server->root . '/logs/touched', '... and would have told';
    is Aten::Process::slurp($server->root . '/logs/backend.log'), '', 'no proxy was asked';
    for my $browser ($nobody, $prof) {
        $browser->get(at('/aten/login?to=/probe/denied/x'));
        is $browser->get(at('/probe/denied/x'))->status, 403, 'what was looked at is as denied as before';
    }
    is $nobody->get(at('/probe/announced/x'), follow => 0)->url, at('/probe/announced/x'), 'and as protected';
    ok !reached($nobody), '... as before';
};

subtest 'Host and its relatives decide nothing' => sub {
    my %evil = (
        'X-Forwarded-Host' => 'evil.example', 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Port' => 4444,
        'X-Forwarded-Server' => 'evil.example', 'Forwarded' => 'host=evil.example;proto=https',
        'X-Host' => 'evil.example', 'X-Original-URL' => 'http://evil.example/', 'X-Rewrite-URL' => '/evil.example',
    );
    my $base  = at('');
    my $login = $cas->url . '/login?service=' . Aten::URL::escape($base);
    for my $host ('localhost', 'evil.example', 'evil.example:80', "localhost:4444") {
        my %headers = (%evil, Host => $host);
        for my $path (
            '/ent/x', '/aten/login', '/aten/', '/aten/cas', '/aten/cas?state=x&ticket=ST-1', '/aten/session',
            '/aten/login?profile=autres-publics&to=/ent/', '/aten/login?to=http://evil.example/',
            '/aten/logout?to=/ent/', 'http://evil.example/ent/x',
            'http://evil.example/aten/login?profile=autres-publics',
        ) {
            for my $accept ('text/html', 'application/json') {
                my $answer = raw($path, headers => { %headers, Accept => $accept });
                unlike $answer, qr/evil|(?<!\d)4444(?!\d)|https:/, "Host: $host, $path, $accept: nothing of them comes back";
                my ($location) = $answer =~ /^Location: (\S+)/mi;
                like $location, qr{^(?:\Q$base\E/|\Q$login\E%2F)}i,
                    '... and it leads where it should' if defined $location;
            }
        }
    }
    # A login that is begun and ended under a foreign name.
    my $evil = 'http://evil.example:' . $server->port;
    my $page = browser()->get("$evil/ent/x");
    is $page->url =~ s/\?.*//r, "$base/aten/login", 'the chooser is where the configuration says';
    my $browser = browser();
    $browser->get("$base/aten/login?profile=autres-publics&to=/ent/x");
    my $back = $browser->submit({ username => 'prof', password => $cas->password('prof') },
        until => sub { shift =~ /ticket=/ });
    my ($path) = $back->location =~ m{^\Q$base\E(/.*)};
    my $cookie = join '; ', map { "$_->{name}=$_->{value}" } grep { $_->{domain} eq 'localhost' } $browser->jar->all;
    my $answer = raw($path, headers => { %evil, Host => 'evil.example', Cookie => $cookie });
    like $answer, qr{^Location: \Q$base\E/ent/x\r$}mi, 'the end of a login leads to the configured host';
    unlike $answer, qr/evil/, '... and no other name comes back';
    like $answer, qr/^Set-Cookie: aten=(?!.*domain)/mi, '... and the cookie names no domain';
};

$server->clean_log_ok(
    qr/AH01630: client denied by server configuration/, qr/AH01797: client denied by server configuration/,
    qr/AH01629: authorization failure \(no authenticated user\): \/expression\//,
    qr/AH01631: user (?:prof|eleve): authorization failure/, qr/Invalid command 'NoSuchDirective'/,
    qr/AH00026: found %2f/,
);
done_testing;

# The ways in which httpd handles a request: .htaccess, virtual hosts, sub-requests, internal redirects, error
# documents, HEAD; and what is sent where somebody is not let in.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::URL ();
use JSON::PP ();

need_module;

sub host ($port, $text, $name = 'localhost') {
    return "Listen 127.0.0.1:\@$port\@\n<VirtualHost 127.0.0.1:\@$port\@>\nServerName $name\n$text</VirtualHost>\n";
}

my $protected = qq{AuthType aten\nRequire valid-user\n};

# The same three rules in front of a file, a program and a proxy.
my $rules = join '', map { <<"END" } qw(/static /ent /proxied);
    <Location "$_">
        $protected
    </Location>
    <Location "$_/profile">
        AtenProfiles eleves-parents
    </Location>
    <Location "$_/user">
        Require user somebody-else
    </Location>
    <Location "$_/nobody">
        Require all denied
    </Location>
    <Location "$_/closed">
        AtenCASCutoff 2017-03-01 everyone
    </Location>
END

my $cas    = Aten::CAS->new;
my $server = Aten::Server->prepare(cas => $cas, name => 'requests', config => <<"END"
<VirtualHost 127.0.0.1:\@PORT\@>
    ServerName localhost
    AtenCASServer \@CAS\@
    AtenHome /index.html
    ErrorDocument 401 "the site's own 401"
    ErrorDocument 403 "the site's own 403"
    ErrorDocument 404 "the site's own 404"
    ErrorDocument 405 "the site's own 405"
    DirectoryIndex index.html index.shtml index.cgi
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    AddHandler cgi-script .cgi
    AddHandler show .show
    Action show /app/action virtual
    ScriptAlias /ent \@CGI\@/env
    # Where nothing is protected: an Action, an ErrorDocument and a rewriting lead there.
    ScriptAlias /app \@CGI\@/env
    ProxyPass /proxied http://127.0.0.1:\@PORT2\@/proxied
    $rules
    <Location "/ent/document">
        ErrorDocument 404 /app/error
    </Location>
    # Places that decide for themselves whom they see.
    <Location "/app/optional">
        AuthType aten
        AtenOptional on
        AtenProfiles eleves-parents
        Require all granted
    </Location>
    <Location "/app/basic">
        AuthType Basic
        AuthName app
        Require all granted
    </Location>
    <Directory "\@DOCROOT\@/programs">
        Options +ExecCGI
    </Directory>
    Alias /missing \@DOCROOT\@/missing
    <Location "/missing">
        $protected
        ErrorDocument 404 /app/error
    </Location>
</VirtualHost>
END
    . host('PORT2', "ScriptAlias /proxied \@CGI\@/env\nCustomLog logs/backend.log \"%U\"\n")
    # The same CAS server, other names: sessions of their own.
    . join('', map { host("PORT$_->[0]", <<"END", $_->[1]) } [ 3, 'one.test' ], [ 4, 'two.test' ]),
    AtenCASServer \@CAS\@
    AtenInsecureHTTP on
    ScriptAlias /ent \@CGI\@/env
    <Location "/ent">
        $protected
    </Location>
END
);

my $env = Aten::Process::slurp($server->root . '/cgi-bin/env');
$server->file("htdocs/programs/$_/.htaccess", $protected) for qw(index rewritten);
$server->file('htdocs/programs/rewritten/.htaccess', <<"END");
$protected
RewriteEngine on
RewriteRule ^near/(.*) target.cgi/\$1
RewriteRule ^far/(.*) /app/\$1
RewriteRule ^login\$ /aten/login
END
for my $program (qw(index/index.cgi rewritten/target.cgi)) {
    $server->file("htdocs/programs/$program", '');
    Aten::Process::spew($server->root . "/htdocs/programs/$program", $env);
    chmod 0755, $server->root . "/htdocs/programs/$program";
}
$server->file('htdocs/ht/.htaccess', $protected);
$server->file('htdocs/ht/page.html', "SECRET\n");
$server->file('htdocs/ht/page.show', "shown\n");
$server->file('htdocs/ht/index.shtml', <<'END');
user=<!--#echo var="REMOTE_USER" --> role=<!--#echo var="ATEN_ROLE" -->
[<!--#include virtual="/ht/part.shtml" -->] [<!--#include virtual="/open/part.shtml" -->]
[<!--#include virtual="/ent/x" -->]
END
$server->file('htdocs/ht/part.shtml',   'SECRET of <!--#echo var="REMOTE_USER" -->, <!--#echo var="ATEN_ROLE" -->');
$server->file('htdocs/open/part.shtml', 'open to <!--#echo var="REMOTE_USER" -->, <!--#echo var="ATEN_ROLE" -->');
$server->file('htdocs/open/index.shtml', <<'END');
<!DOCTYPE html><p>before
[<!--#include virtual="/ht/part.shtml" -->]
[<!--#include virtual="/ent/x" -->]
[<!--#include virtual="/ent/user/x" -->]
[<!--#include virtual="/ent/profile/x" -->]
[<!--#include virtual="/ent/closed/x" -->]
[<!--#include virtual="/open/part.shtml" -->]
after</html>
END
$server->file("htdocs/static$_/page.html", "SECRET\n") for '', qw(/profile /user /nobody /closed);
$server->run;

my $prof = login($server, 'prof', to => '/ht/page.html');
is $prof->page->body, "SECRET\n", '.htaccess: in, after a login';
my $cookie = join '; ', map { "$_->{name}=$_->{value}" } $prof->jar->all;

# A request as it is, and the whole answer, so that nothing behind its end is lost: {status, head, body}.
sub raw ($path, %option) {
    my %headers = (
        Host => 'localhost', Accept => 'text/html', Connection => 'close', 'Accept-Language' => 'fr',
        $option{session} ? (Cookie => $cookie) : (), %{ $option{headers} // {} },
    );
    my $bytes = ($option{method} // 'GET') . " $path HTTP/1.1\r\n"
        . join('', map { "$_: $headers{$_}\r\n" } grep { defined $headers{$_} } sort keys %headers) . "\r\n";
    my ($head, $body) = split /\r\n\r\n/, raw_request($option{port} // $server->port, $bytes), 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};
    return { status => $status // 0, head => $head // '', body => $body // '' };
}

# The body is all that was announced, and of one piece.
sub whole_ok ($answer, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($length) = $answer->{head} =~ /^Content-Length: (\d+)\r?$/mi;
    is $length, length $answer->{body}, "$what: the length is right";
    unlike $answer->{head} . $answer->{body}, qr/SECRET|X-Answered-By|the site's own/, "$what: nothing but our answer";
    return;
}

sub page_ok ($answer, $title, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    whole_ok($answer, $what);
    like $answer->{body}, qr{^<!DOCTYPE html>.*<h1[^>]*>[^<]*$title.*</html>\s*\z}s, "$what: a page, to its </html>";
    is scalar(() = $answer->{body} =~ /<html/g), 1, "$what: one page";
    return;
}

subtest '.htaccess' => sub {
    is browser()->get($server->url('/ht/page.html'), follow => 0)->status, 303, 'nobody is asked who they are';
    is browser()->get($server->url('/open/part.shtml'))->status, 200, 'beside it nothing is protected';
    is browser()->get($server->url('/ht/.htaccess'), follow => 0)->status, 303, 'the file itself is behind it';
};

subtest 'virtual hosts' => sub {
    my %url = map { ($_->[1] => "http://$_->[1]:" . $server->var("PORT$_->[0]")) } [ 3, 'one.test' ], [ 4, 'two.test' ];
    my $browser = browser();
    for my $host (sort keys %url) {
        $browser->get("$url{$host}/ent/x", until => sub { 0 });
        $browser->click(qr/autres-publics/);
        $browser->submit({ username => 'prof', password => $cas->password('prof') }) if $browser->page->forms;
        is $browser->page->url, "$url{$host}/ent/x", "$host: its own login leads back to it";
        is identity_of($browser)->{REMOTE_USER}, 'prof', "$host: in";
    }
    my ($one) = $browser->jar->find('aten')->{value};
    my %seen;
    for my $pair ([ 3, 'one.test' ], [ 4, 'two.test' ]) {
        for my $name ('one.test', 'two.test') {
            my ($value) = map { $_->{value} } grep { $_->{name} eq 'aten' && $_->{domain} eq $name } $browser->jar->all;
            $seen{"$name at $pair->[1]"} = raw('/ent/x', port => $server->var("PORT$pair->[0]"),
                headers => { Cookie => "aten=$value" })->{status};
        }
    }
    is_deeply \%seen, {
        'one.test at one.test' => 200, 'two.test at two.test' => 200,
        'one.test at two.test' => 303, 'two.test at one.test' => 303,
    }, 'a session of one is none of the other' or diag explain \%seen;
};

subtest 'SSI' => sub {
    my $page = browser()->get($server->url('/open/index.shtml'));
    is $page->status, 200, 'a public page that includes protected parts';
    like $page->html, qr{^<!DOCTYPE html><p>before\n(?s:.*)\nafter</html>\n\z}, 'is itself, from beginning to end';
    unlike $page->html, qr/SECRET|profil|<h1|HTTP_HOST|"error":/, 'without the parts, without a page inside it';
    is scalar(() = $page->html =~ /\[an error occurred while processing this directive\]/g), 5, 'but five bare errors';
    like $page->html, qr/\[open to \(none\), \(none\)\]/, 'the public part is there, for nobody';
    # The headers of answers of ours.
    my @foreign = qw(set-cookie location content-security-policy x-frame-options referrer-policy www-authenticate
        cache-control);
    is_deeply [ map { $page->header_all($_) } @foreign ], [], 'no header comes of it';

    my $mark = $server->log->mark;
    $page = $prof->get($server->url('/open/index.shtml'));
    $server->log->unlike(qr/\[auth_aten:info\]/, 'a part that is refused makes no page and no line of ours', $mark);
    # What mod_include shows in a part are the variables of the outermost page, which nobody had to log in for.
    like $page->html, qr/\[SECRET of /, 'with a session: the protected part';
    is_deeply [ map { $page->header_all($_) } grep { !/cache/ } @foreign ], [], '... and no header of what is refused';
    is scalar(() = $page->html =~ /\[an error occurred/g), 3, 'what is refused stays away';
    unlike $page->html, qr/<h1|profil</, 'without a page inside the page';
    like $page->html, qr/"REMOTE_USER": "prof"/, 'a program has its variables';
    like $page->html, qr/"ATEN_ROLE": "personnel"/, '... all of them';
    like $page->html, qr/\[open to \(none\), \(none\)\]/, 'a public part of a public page is nobody\'s';

    $page = $prof->get($server->url('/ht/'));
    like $page->html, qr/^user=prof role=personnel$/m, 'DirectoryIndex and SSI: the variables are there';
    like $page->html, qr/\[SECRET of prof, personnel\]/, 'in a protected part';
    like $page->html, qr/\[open to prof, personnel\]/, 'and in a public one of a protected page';
    is browser()->get($server->url('/ht/'), follow => 0)->status, 303, 'and without a session nothing is';
};

# The identity as it should be, under its own names.
sub identity_ok ($page, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $seen = identity_of($page);
    is_deeply { map { $_ => $seen->{$_} } qw(REMOTE_USER AUTH_TYPE ATEN_BACKEND ATEN_ROLE ATEN_PROFILE) }, {
        REMOTE_USER => 'prof', AUTH_TYPE => 'aten', ATEN_BACKEND => 'cas', ATEN_ROLE => 'personnel',
        ATEN_PROFILE => 'autres-publics',
    }, "$what: the variables have their own names" or diag explain env_of($page);
    is env_of($page)->{HTTP_COOKIE}, undef, "$what: our cookie is not shown";
    like $page->header('cache-control') // '', qr/\bprivate\b/, "$what: and the answer is private";
    return;
}

subtest 'internal redirects' => sub {
    identity_ok($prof->get($server->url('/programs/index/')), 'DirectoryIndex of a program');
    identity_ok($prof->get($server->url('/programs/rewritten/near/x')), 'RewriteRule within the directory');
    my @cases = (
        [ '/programs/rewritten/far/x', 200, 'RewriteRule to where nothing is protected' ],
        [ '/ht/page.show',             200, 'Action to where nothing is protected' ],
        [ '/missing/x',                404, 'ErrorDocument where nothing is protected' ],
    );
    for my $case (@cases) {
        my ($path, $status, $what) = @$case;
        my $page = $prof->get($server->url($path));
        is $page->status, $status, "$what: status";
        identity_ok($page, $what);
        is browser()->get($server->url($path), follow => 0)->status, 303, "$what: not without a session";
    }
    for my $place (qw(optional basic)) {
        my $page = $prof->get($server->url("/programs/rewritten/far/$place/x"));
        ok reached($page), "RewriteRule to a place that decides for itself ($place)";
        is_deeply identity_of($page), {}, '... and does not see this person';
    }
    my $own = $server->url('/programs/rewritten/login');
    is browser()->get($own, follow => 0)->status, 303, 'RewriteRule to our own page: protected';
    is $prof->get($own)->h1, 'Indiquez votre profil', '... and reached';
    my $direct = $prof->get($server->url('/app/x'));
    is_deeply identity_of($direct), {}, 'asked for itself, the program is public and sees nobody';
    is $direct->header('cache-control'), undef, '... and its answer is not private';
};

subtest 'nobody: what is sent, whatever stands behind' => sub {
    for my $path (qw(/static/page.html /ent/x /proxied/x)) {
        my $person = raw($path);
        is $person->{status}, 303, "$path: a person is sent to the chooser";
        whole_ok($person, $path);
        like $person->{head}, qr{^Location: http://localhost:@{[ $server->port ]}/aten/login\?to=}mi, '... ours';
        is raw($path, headers => { Accept => 'text/html' }, method => 'HEAD')->{status}, 303, "$path: by HEAD too";

        my $script = raw($path, headers => { Accept => 'application/json' });
        is $script->{status}, 401, "$path: a script gets 401";
        whole_ok($script, "$path, a script");
        like $script->{head}, qr/^WWW-Authenticate: Aten/mi, '... with our challenge';
        my $json = eval { JSON::PP->new->utf8->decode($script->{body}) };
        like $json->{login} // '', qr{^http://localhost:\d+/aten/login\?to=}, '... and where to log in, as whole JSON';

        my $frame = raw($path, headers => { 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'iframe' });
        whole_ok($frame, "$path, a frame");
        like $frame->{body}, qr{</html>\s*\z}, '... is a whole page';

        my $denied = raw($path =~ s{^(/\w+)}{$1/nobody}r);
        is $denied->{status}, 403, "$path: Require all denied is httpd's";
        unlike $denied->{body}, qr/SECRET/, '... and nothing is sent';
    }
};

subtest 'somebody who may not' => sub {
    for my $base (qw(/static /ent /proxied)) {
        my %what = (profile => 'AtenProfiles', user => 'Require user', closed => 'AtenCASCutoff');
        for my $place (sort keys %what) {
            my $path   = "$base/$place/page.html";
            my $answer = raw($path, session => 1);
            is $answer->{status}, 403, "$path: $what{$place} refuses by 403";
            page_ok($answer, $place eq 'profile' ? 'profil' : '', $path);
            unlike $answer->{head}, qr/^WWW-Authenticate/mi, '... and does not ask to log in again';
            like $answer->{head}, qr/^Cache-Control: no-store\r?$/mi, '... and is not kept';
            my $script = raw($path, session => 1, headers => { Accept => 'application/json' });
            is $script->{status}, 403, '... a script too';
            whole_ok($script, "$path, a script");
            like $script->{body}, qr/^\{.*"login":.*\}\s*\z/, '... in JSON';
            my $head = raw($path, session => 1, method => 'HEAD');
            is $head->{status}, 403, '... HEAD too';
            is $head->{body}, '', '... without a body';
        }
        is raw("$base/nobody/page.html", session => 1)->{status}, 403, "$base: Require all denied, with a session";
    }
    unlike Aten::Process::slurp($server->root . '/logs/backend.log'), qr{/(?:profile|user|closed|nobody)/},
        'the application behind the proxy was never asked';
};

subtest 'ErrorDocument' => sub {
    is $prof->get($server->url('/nothing'))->html, 'the site\'s own 404', 'its own 404 is the site\'s';
    is browser()->get($server->url('/nothing'))->html, 'the site\'s own 404', '... for nobody too';
    for my $path ('/aten/nothing', '/aten/cas?ticket=ST-1&ticket=ST-2') {
        my $answer = raw($path);
        like $answer->{status}, qr/^40[04]$/, "$path: an error page of ours";
        page_ok($answer, '', $path);
    }
    my $method = raw('/aten/login', method => 'PUT');
    is $method->{status}, 405, 'a method that our page has not';
    whole_ok($method, '405');
};

subtest 'HEAD' => sub {
    for my $path (qw(/static/page.html /ent/x /proxied/x /aten/login /aten/session)) {
        my $answer = raw($path, session => 1, method => 'HEAD');
        is $answer->{status}, 200, "$path: status";
        is $answer->{body}, '', '... no body';
    }
    my $get = raw('/aten/login', session => 1);
    is +(raw('/aten/login', session => 1, method => 'HEAD')->{head} =~ /^Content-Length: (\d+)/mi)[0],
        length $get->{body}, 'the length that GET has';
};

$server->clean_log_ok(
    qr/unable to include "\/(?:ht\/part\.shtml|ent\/\S+)"/, qr/AH01630: client denied by server configuration/,
    qr/AH01631: user prof: authorization failure/, qr/AH00128: File does not exist/,
);
done_testing;

# The module's own pages are reached whatever else the site does with its addresses, and nobody else sees them; what the
# site forbids without asking who it is (Require ip, all denied, another AuthType) holds for them too.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;

need_module;

# A virtual host on a port of its own, which is where its base address comes from.
sub host ($port, $text, $cas = 'AtenCASServer @CAS@') {
    return "Listen 127.0.0.1:\@$port\@\n<VirtualHost 127.0.0.1:\@$port\@>\nServerName localhost\n$cas\n$text"
        . "</VirtualHost>\n";
}

my $protected = qq{AuthType aten\nRequire valid-user\n};
my $cas       = Aten::CAS->new;
my %more      = map { ("P$_" => Aten::Process::free_port()) } 10 .. 16;
my $server    = Aten::Server->prepare(cas => $cas, name => 'own pages', vars => \%more, config => join '',
    qq{<VirtualHost 127.0.0.1:\@PORT\@>\nServerName localhost\nAtenCASServer \@CAS\@\nScriptAlias /ent "\@CGI\@/env"
        <Location "/ent">\n$protected</Location>\n</VirtualHost>\n},
    # Everything is protected; SSI pages are there.
    host('PORT2', <<"END"),
        DocumentRoot htdocs
        DirectoryIndex index.html
        AddType text/html .shtml
        AddOutputFilter INCLUDES .shtml
        ErrorDocument 404 "the site's own 404"
        <Location "/">
            $protected
        </Location>
        <Location "/open">
            AuthType none
            Require all granted
        </Location>
END
    # An application that would answer everything, and writes down what it was asked for.
    host('PORT3', <<'END', ''),
        ScriptAlias / @CGI@/env/
        CustomLog logs/backend.log "%U"
END
    # Three ways of giving everything to it.
    host('PORT4', <<"END"),
        ProxyPass        / http://127.0.0.1:\@PORT3\@/
        ProxyPassReverse / http://127.0.0.1:\@PORT3\@/
        <Location "/">
            $protected
        </Location>
END
    host('PORT5', <<"END"),
        ProxyPass / http://127.0.0.1:\@PORT3\@/ mapping=encoded
        <Location "/">
            $protected
        </Location>
END
    host('PORT6', <<"END"),
        RewriteEngine on
        RewriteRule ^/(.*) http://127.0.0.1:\@PORT3\@/\$1 [P]
        <Location "/">
            $protected
        </Location>
END
    # Front controllers.
    host('PORT7', <<'END'),
        DocumentRoot htdocs/front
        ScriptAlias /application @CGI@/env
END
    host('PORT8', <<"END"),
        ScriptAlias /application \@CGI\@/env
        RewriteEngine on
        RewriteRule ^/(?!application)(.*)\$ /application/\$1 [PT]
        <Location "/">
            $protected
        </Location>
END
    host('PORT9', <<"END"),
        DocumentRoot htdocs/fallback
        ScriptAlias /application \@CGI\@/env
        <Directory "\@DOCROOT\@/fallback">
            FallbackResource /application
            $protected
        </Directory>
        Redirect permanent /aten /stolen
        RedirectMatch 410 ^/aten/session
        <Location "/">
            SetHandler server-status
            RewriteEngine on
            RewriteRule ^ /application [PT]
        </Location>
        # In a location mod_alias acts as late as the fixups.
        <Location "/aten/logout">
            Redirect permanent /stolen
        </Location>
END
    # What forbids without asking who it is.
    host('P10', <<"END"),
        <Location "/">
            AuthType aten
            Require ip 192.0.2.1
        </Location>
END
    host('P11', <<"END"),
        <Location "/">
            AuthType aten
            Require all denied
        </Location>
END
    host('P12', <<"END"),
        <Location "/">
            AuthType aten
            <RequireAll>
                Require ip 192.0.2.1
                Require valid-user
            </RequireAll>
        </Location>
END
    # Another AuthType on the site, ours below.
    host('P13', <<"END"),
        ScriptAlias /ent \@CGI\@/env
        <Location "/">
            AuthType Basic
            AuthName site
            AuthUserFile conf/passwords
            Require valid-user
        </Location>
        <Location "/ent">
            $protected
        </Location>
END
    # Another AtenPath.
    host('P14', <<"END"),
        AtenPath /connexion/ent
        ScriptAlias /aten \@CGI\@/env
        <Location "/">
            $protected
        </Location>
END
    host('P16', "<Location />\nRequire valid-user\n</Location>\n"),
    host('P15', <<"END"),
        <Location "/">
            AuthType aten
            Require host elsewhere.invalid
            Require user parent
        </Location>
END
);

$server->file('htdocs/open/include.shtml', <<'END');
before <!--#include virtual="/aten/login" --><!--#include virtual="/aten/session" -->
<!--#include virtual="/aten/style.css" --><!--#include virtual="/aten/login?profile=autres-publics" -->
<!--#include virtual="/aten/logout" --> after
END
$server->file('htdocs/front/.htaccess', <<"END");
$protected
RewriteEngine On
RewriteRule ^(?!application)(.*)\$ /application/\$1 [L]
END
$server->file('htdocs/fallback/page.html', "page\n");
$server->file('conf/passwords', "guard:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");    # guard:password
$server->file('logs/backend.log', '');
$server->run;

sub at ($port, $path) { return 'http://localhost:' . $server->var($port) . $path }

# Bytes as they are, for what a browser would tidy up. The status, and the whole answer.
sub raw ($port, $path, %option) {
    my $method = $option{method} // 'GET';
    my $headers = join '', map { "$_: $option{headers}{$_}\r\n" } sort keys %{ $option{headers} // {} };
    my $answer = raw_request($server->var($port),
        "$method $path HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n$headers\r\n");
    return (($answer =~ m{^HTTP/1\.1 (\d+)})[0] // 0, $answer);
}

# Is it a whole chooser, and nothing but it?
sub chooser_ok ($page, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest $what => sub {
        is $page->status, 200, 'status';
        is $page->h1, 'Indiquez votre profil', 'the chooser';
        like $page->html, qr{</html>\s*\z}, 'that ends with </html>';
        is scalar(() = $page->html =~ m{<html}g), 1, 'once';
        is $page->header('content-length'), length $page->body, 'with its length';
        ok !reached($page), 'and not the application';
    };
    return;
}

my %sites = (
    PORT  => 'a site that is partly protected',
    PORT2 => 'a site that is protected as a whole',
    PORT4 => 'ProxyPass /',
    PORT5 => 'ProxyPass / mapping=encoded',
    PORT6 => 'RewriteRule [P]',
    PORT7 => 'a front controller in .htaccess',
    PORT8 => 'a front controller in the virtual host',
    PORT9 => 'Redirect, RewriteRule, FallbackResource and SetHandler on top of it',
    P16   => 'a user required, without any AuthType',
);

for my $port (sort keys %sites) {
    subtest $sites{$port} => sub {
        my $browser = browser();
        chooser_ok($browser->get(at($port, '/aten/login?to=/x/y')), 'the chooser');
        my $entry = $browser->page->link(qr/autres-publics/);
        like $browser->get(at($port, '/aten/style.css'))->header('content-type'), qr{^text/css}, 'its style sheet';
        is $browser->get(at($port, '/aten/session'))->json->{authenticated}, 0, 'the session page';
        is $browser->get(at($port, '/aten/nothing'))->status, 404, 'a page that does not exist';
        like $browser->page->text, qr/n’existe pas|n'existe pas|introuvable/i, '... says so itself';
        ok !reached($browser), '... not the application';
        is $browser->get(at($port, '/aten/cas'), follow => 0)->status, 303, 'the CAS return address, without anything';
        is $browser->get(at($port, '/aten/logout'), follow => 0)->status, 200, 'the logout';
        my $head = browser()->head(at($port, '/aten/login'));
        is $head->status, 200, 'HEAD of the chooser';
        is $head->body, '', '... without a body';
        my $start = browser()->get($entry->{url}, follow => 0);
        is $start->status, 303, 'an entry of it';
        my ($service) = ($start->location // '') =~ /[?&]service=([^&]*)/;
        like $service // '', qr{^http%3A%2F%2Flocalhost%3A@{[ $server->var($port) ]}%2Faten%2Fcas%3Fstate%3D}i,
            '... names the return address with this port';
        for my $spelling (
            '/%61ten/login', '/aten//login', '/aten/./login', '//aten/login', '/x/../aten/login', '/aten/%6Cogin',
            '/%61%74%65%6e/%6cogin', '/aten/x/../login', 'http://localhost/aten/login',
        ) {
            my ($status, $answer) = raw($port, $spelling);
            is $status, 200, $spelling;
            like $answer, qr{</html>\s*\z}, '... is the chooser';
        }
        for my $method (qw(POST PUT DELETE PROPFIND OPTIONS)) {
            my ($status, $answer) = raw($port, '/aten/login', method => $method);
            is $status, 405, "$method of the chooser";
            unlike $answer, qr/X-Answered-By/i, '... does not reach the application';
        }
    };
}

subtest 'what only looks like them' => sub {
    for my $path (
        '/atenx', '/aten.html', '/ATEN/login', '/x/aten/login', '/aten%2Flogin', '/aten;x/login', '/aten%252Flogin',
        '/aten%5Clogin',
    ) {
        my ($status, $answer) = raw('PORT', $path);
        is $status, 404, "$path: not there";
        unlike $answer, qr/Indiquez votre profil/, '... no page of ours';
        ($status, $answer) = raw('PORT4', $path);
        like $status, qr/^(?:303|404)$/, "$path: protected behind the proxy";
        unlike $answer, qr/X-Answered-By/i, '... and not answered by the application';
    }
    my ($status, $answer) = raw('PORT', '/aten/../ent/x');
    is $status, 303, 'out of it into a protected path: still protected';
};

subtest 'a login through each' => sub {
    for my $port (qw(PORT4 PORT6 PORT7 PORT8)) {
        my $browser = browser();
        $browser->get(at($port, '/some/page?a=b'));
        chooser_ok($browser->page, "$sites{$port}: a protected page asks who it is");
        $browser->click(qr/autres-publics/);
        $browser->submit({ username => 'prof', password => $cas->password('prof') });
        is $browser->page->status, 200, '... and is reached' or diag $browser->page->text;
        is $browser->page->url, at($port, '/some/page?a=b'), '... at its address';
        ok reached($browser), '... the application itself';
        is $browser->get(at($port, '/aten/session'))->json->{user}, 'prof', '... with a session';
        chooser_ok($browser->get(at($port, '/aten/login')), '... and the chooser is still ours');
        like $browser->page->text, qr/D'Aubigné/, '... who knows who it is';
    }
};

# By the decoded path; before the next subtest asks it directly.
my $asked = Aten::Process::slurp($server->root . '/logs/backend.log');
unlike $asked, qr{^/+aten(?:/|$)}m, 'the application behind the proxies was never asked for a page of ours';
like $asked, qr{^/some/page$}m, '... but for its own';

subtest 'a virtual host where nobody can log in has the path for itself' => sub {
    for my $path (qw(/aten/login /aten/session /aten/style.css /aten)) {
        ok reached(browser()->get(at('PORT3', $path))), $path;
    }
};

subtest 'AtenPath' => sub {
    chooser_ok(browser()->get(at('P14', '/connexion/ent/login')), 'the chooser is there');
    my $page = browser()->get(at('P14', '/aten/login'));
    is $page->url =~ s/\?.*//r, at('P14', '/connexion/ent/login'), '/aten/login is a page of the site';
    is browser()->get(at('P14', '/connexion'), follow => 0)->status, 303, 'so is what stands above it';
};

subtest 'forbidden is forbidden' => sub {
    my $browser = login($server, 'prof');
    for my $case ([ 'P10', 'Require ip' ], [ 'P11', 'Require all denied' ], [ 'P12', 'Require ip and a user' ]) {
        my ($port, $what) = @$case;
        for my $path (
            '/aten/login', '/aten/session', '/aten/style.css', '/aten/cas?ticket=ST-1', '/aten/logout', '/aten/none',
            '/%61ten/login', '/',
        ) {
            for my $who ([ browser(), 'nobody' ], [ $browser, 'somebody' ]) {
                my $page = $who->[0]->fetch(at($port, $path), from => undef, follow => 0);
                is $page->status, 403, "$what: $path by $who->[1]";
                is_deeply [ $page->header_all('set-cookie') ], [], '... and no cookie';
                unlike $page->html, qr/authenticated|profil/, '... and nothing of ours';
            }
        }
    }
    chooser_ok(browser()->get(at('P15', '/aten/login')), 'not where a user could still be let in');
    is $browser->get(at('P15', '/'))->status, 403, '... the wrong one is not';
};

subtest 'AuthType Basic on the site' => sub {
    my $right = { Authorization => 'Basic Z3VhcmQ6cGFzc3dvcmQ=' };
    my $wrong = { Authorization => 'Basic Z3VhcmQ6d3Jvbmc=' };
    my ($status, $answer) = raw('P13', '/aten/login');
    is $status, 401, 'the site asks for its password first';
    like $answer, qr/^WWW-Authenticate: Basic realm="site"/mi, '... itself';
    unlike $answer, qr/Indiquez votre profil/, '... and shows nothing of ours';
    is +(raw('P13', '/aten/login', headers => $wrong))[0], 401, 'a wrong password';
    ($status, $answer) = raw('P13', '/aten/login', headers => $right);
    is $status, 200, 'with the password';
    like $answer, qr/Indiquez votre profil/, '... the chooser';
    is +(raw('P13', '/ent/'))[0], 303, 'the path that is ours asks for no password, and is not let in by one';
    is +(raw('P13', '/ent/', headers => $right))[0], 303, '... with it neither';
};

# What answers of ours have, and a page of the site has not.
my @foreign = qw(set-cookie location content-security-policy x-frame-options referrer-policy www-authenticate
    cache-control);

subtest 'included in another page they are nothing' => sub {
    for my $browser (browser(), login($server, 'prof')) {
        my $page = $browser->get(at('PORT2', '/open/include.shtml'));
        is $page->status, 200, 'the page';
        like $page->html, qr/^before .* after$/s, 'is whole';
        unlike $page->html, qr/profil|authenticated|<html|font-|DOCTYPE/i, 'and has nothing of ours in it';
        is_deeply [ map { $page->header_all($_) } @foreign ], [], 'no header either';
    }
};

$server->clean_log_ok(
    qr/AH01618|AH01617: user guard: authentication failure/, qr/AH01630: client denied by server configuration/,
    qr/AH01631: user prof: authorization failure/, qr/unable to include "\/aten\//,
);
done_testing;

# What a second reading of the code found: each of these let somebody in, kept somebody out, or cost the server too
# much.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;

need_module;

my $cas    = Aten::CAS->new;
my $server = Aten::Server->new(cas => $cas, name => 'review', config => <<'END');
    AtenCASServer @CAS@
    MaxKeepAliveRequests 0
    ScriptAlias /ent    @CGI@/env
    ScriptAlias /maybe  @CGI@/env
    ErrorDocument 400 /broken.shtml
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    <Location "/">
        Options MultiViews Includes
        AddEncoding x-gzip .gz
    </Location>
    <Location "/ent">
        AuthType aten
        Require valid-user
    </Location>
    <Location "/maybe">
        AuthType aten
        Require valid-user
        AtenOptional on
    </Location>
    <Location "/maybe/chief">
        Require user chief
    </Location>
    <Location "/maybe/parent">
        Require user parent
    </Location>
    <Location "/soon">
        AuthType aten
        Require valid-user
        AtenCASCutoff 2099-01-01 everyone
        AtenCASNotice always
    </Location>
    Listen 127.0.0.1:@PORT2@
    <VirtualHost 127.0.0.1:@PORT2@>
        ServerName ent.test
        AtenBaseURL http://ent.test:@PORT2@
        AtenInsecureHTTP on
    </VirtualHost>
    Listen 127.0.0.1:@PORT3@
    <VirtualHost 127.0.0.1:@PORT3@>
        ServerName ent.test
    </VirtualHost>
END

# httpd's list of listeners begins with the last one.
like browser()->get($server->url('/ent/'), follow => 0)->location, qr{^http://localhost:@{[ $server->port ]}/},
    'the main server is at the port of the first Listen';

# mod_negotiation looks for variants of what is not a file; mod_mime would take a page's name for a file's.
subtest 'MultiViews for the whole site' => sub {
    is browser()->get($server->url('/aten/login'))->status, 200, 'the chooser';
    is browser()->get($server->url('/aten/session'))->status, 200, 'who am I';
    is browser()->get($server->url('/aten/style.css'))->header('content-type'), 'text/css; charset=utf-8', 'the style';
    my $page = browser()->get($server->url('/aten/nothing.html.gz'));
    is $page->status, 404, 'no page of ours';
    is $page->header('content-encoding'), undef, 'is not called compressed';
};

# What nobody gets through with AtenOptional is what any user would: a section that asks for more asks.
subtest 'AtenOptional and a right that not everybody has' => sub {
    ok reached(browser()->get($server->url('/maybe/'))), 'nobody, where any user would do';
    my $page = browser()->get($server->url('/maybe/chief/'), follow => 0);
    is $page->status, 303, 'nobody, where only one user does: to the login';
    my $parent = login($server, 'parent');
    ok reached($parent->get($server->url('/maybe/parent/'))), 'the one user';
    is env_of($parent)->{REMOTE_USER}, 'parent', 'by name';
    is $parent->get($server->url('/maybe/chief/'))->status, 403, 'not the one user';
    ok reached($parent->get($server->url('/maybe/'))), 'a user';
};

# A chooser or a login over plain http would give away what AtenInsecureHTTP off protects, though no page of the site
# would.
subtest 'no login over plain http elsewhere than on this machine' => sub {
    my ($refused, $allowed) = map { "http://ent.test:" . $server->var($_) } qw(PORT3 PORT2);
    my $page = browser()->get("$refused/aten/login?profile=autres-publics", follow => 0);
    is $page->status, 403, 'no login begins';
    is $page->header('set-cookie'), undef, 'no cookie';
    is browser()->get("$refused/aten/cas?state=" . 'x' x 22 . '.0.autres-publics', follow => 0)->status, 403, 'or ends';
    is browser()->get("$refused/aten/style.css")->status, 200, 'the page that says so has its style';
    is browser()->get("$allowed/aten/login?profile=autres-publics", follow => 0)->status, 303, 'where it is allowed';
    $server->log_like(qr/AT0108/, 'the log says why');
};

$server->file('htdocs/broken.shtml', "<p>broken: <!--#printenv -->\n");

# A subrequest begins with the variables of the page that it is for.
subtest 'the days that are left, in what a page includes' => sub {
    $server->file('htdocs/soon/page.shtml', '<p>days: <!--#echo var="ATEN_CAS_DAYS_LEFT" --> <!--#include virtual="/ent/" -->');
    my $page = login($server, 'parent', to => '/soon/page.shtml')->page;
    like $page->html, qr/days: \d+/, 'on the page itself';
    like $page->html, qr/"ATEN_NOM"/, 'the included program knows the person';
    unlike $page->html, qr/"ATEN_CAS_DAYS_LEFT"/, 'and no date, for its path has none';
};

# httpd answers such a request before post_read_request, but with the site's own page.
subtest 'a request that httpd refuses: its error page sees no pretended identity' => sub {
    for my $line ('No-Host: localhost', "Host: localhost\r\nTransfer-Encoding: unknown") {
        my $answer = raw_request($server->port, "GET / HTTP/1.1\r\nX-Aten-Nom: boss\r\n$line\r\n"
            . "X-Aten.User: boss\r\nConnection: close\r\n\r\n");
        like $answer, qr{REDIRECT_STATUS=400}, 'the error page is answered by a page with variables';
        unlike $answer, qr/boss/, 'which does not see the headers';
    }
};

# Bad cookies on a connection that stays cost nothing that stays.
subtest 'memory of a connection' => sub {
    my $resident = sub {
        my $sum = 0;
        for my $child ($server->children) {
            open my $in, '<', "/proc/$child/status" or next;
            $sum += $_ for map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$in>;
        }
        return $sum;
    };
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port) or die "connect: $!";
    my $ask = sub ($count) {
        my $request = join '', map {
            "GET /aten/session HTTP/1.1\r\nHost: localhost\r\nCookie: aten=" . 'A' x 3900 . sprintf('%04d', $_) . "\r\n\r\n"
        } 1 .. 20;
        for (1 .. $count / 20) {
            $socket->syswrite($request);
            my ($answers, $text) = (0, '');
            while ($answers < 20 && $socket->sysread($text, 65536, length $text)) { $answers = () = $text =~ /"login_url"/g }
        }
    };
    $ask->(100);
    my $before = $resident->();
    $ask->(2000);
    # AddressSanitizer keeps what was freed for a while.
    my $most = Aten::Server::module_file() =~ /asan/ ? 100_000 : 4000;
    cmp_ok $resident->() - $before, '<', $most, 'kilobytes more after 2000 bad cookies';
};

# Who owns the keys can change them: not the user that the applications run as.
subtest 'a key file of somebody else' => sub {
    plan skip_all => 'only root can give a file away' if $>;
    my $other = Aten::Server->prepare(cas => $cas, name => 'keys', config => "AtenCASServer \@CAS\@\n");
    my $file  = $other->file('state/keys', 'A' x 43 . "=\n");
    chmod 0600, $file;
    is +($other->configtest)[0], 0, 'of root';
    chown +(getpwnam 'www-data')[2, 3], $file;
    my ($status, $output) = $other->configtest;
    ok $status, 'of the children';
    like $output, qr/AtenSessionKeys: '\Q$file\E' belongs to a user who is not root/, 'why';
};

# A browser does not take the cookie: without a word the login would begin again and again, for CAS answers by itself.
subtest 'a cookie domain that the host is not in' => sub {
    my $profile = qq{<AtenProfile all>\nAtenLabel "All"\nAtenBackend cas\n</AtenProfile>\n};
    my $other   = Aten::Server->new(
        cas => $cas, name => 'domain',
        config => "AtenCASServer \@CAS\@\nAtenSessionCookie aten domain=ent.example\n$profile"
            . qq{ScriptAlias /ent "\@CGI\@/env"\n<Location "/ent">\nAuthType aten\nRequire valid-user\n</Location>\n},
    );
    is browser()->get($other->url('/ent/'))->status, 500, 'no login begins';
    $other->log_like(qr/AT0109.*AtenSessionCookie: domain=ent\.example does not have this site's host localhost/, 'why');
    $other->clean_log_ok;
    for my $case (['ent.example', 0], ['my.ent.example', 0], ['myent.example', 1], ['example', 1]) {
        my ($host, $wrong) = @$case;
        my ($status, $output) = Aten::Server->configtest(cas => $cas, config => <<~"END");
            <VirtualHost *:9>
                ServerName $host
                AtenCASServer \@CAS\@
                AtenSessionCookie aten domain=ENT.example
            </VirtualHost>
            END
        is !!$status, !!$wrong, "configtest: $host";
        like $output, qr/AtenSessionCookie: 'domain=ENT\.example' does not have this site's host \Q$host\E/, '... why'
            if $wrong;
    }
};

$server->clean_log_ok(qr/AH01631/, qr/AT0108/, qr/AH0\d+.*(?:Transfer-Encoding|Content-Length)/);
# A session is bound to a host: one of the main server's is nothing on another virtual host that only inherited its
# AtenBaseURL (CVE-2017-6807 is of this kind).
subtest 'AtenBaseURL is not inherited by another host' => sub {
    my $inherits = Aten::Server->new(cas => $cas, name => 'inherits', config => ent_config() . <<'END');
        Listen 127.0.0.1:@PORT2@
        <VirtualHost 127.0.0.1:@PORT2@>
            ServerName other.test
            AtenInsecureHTTP on
        </VirtualHost>
END
    my $parent = login($inherits, 'parent');
    my $cookie = $parent->get($inherits->url("/ent/"))->request->{headers}{cookie};
    like $cookie, qr/aten=/, 'logged in at one host';
    my $request = "GET /ent/ HTTP/1.0\r\nHost: other.test\r\nAccept: text/html\r\nCookie: $cookie\r\n\r\n";
    like raw_request($inherits->port, $request), qr{^HTTP/1.1 200}, 'the cookie is good there';
    like raw_request($inherits->var('PORT2'), $request), qr{^HTTP/1.1 303}, 'and nothing at the other';
    $inherits->clean_log_ok;
};

done_testing;

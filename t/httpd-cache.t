# What is answered under a session is one person's: Cache-Control says so on every answer, and a cache in httpd itself
# never gives it to somebody else.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;

need_module;

my $cas       = Aten::CAS->new;
my $protected = "AuthType aten\nRequire valid-user\n";

# A program that sends the Cache-Control of its query, and says for whom it is. As an error by "status=".
my $program = <<'END';
#!/bin/sh
q=$(printf %s "$QUERY_STRING" | sed 's/+/ /g; s/%2C/,/g; s/%3D/=/g; s/%22/"/g')
case "$PATH_INFO" in */404) echo 'Status: 404 Not Found';; */500) echo 'Status: 500 No';; esac
echo 'Content-Type: text/plain'
if [ -n "$q" ]; then echo "Cache-Control: $q"; fi
echo
echo "for ${REMOTE_USER:-nobody}"
END

sub config ($more = '') { return <<"END" . $more }
AtenCASServer \@CAS\@
AtenBaseURL \@BASE\@
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
ScriptAlias /app    \@CGI\@/control
ScriptAlias /public \@CGI\@/control
ScriptAlias /maybe  \@CGI\@/control
ScriptAlias /backend \@CGI\@/control
ProxyPass /proxied http://127.0.0.1:\@PORT\@/backend
ErrorDocument 404 /errors/404.html
<LocationMatch "^/(?:app|static|proxied|set|always|off|ssi|missing)">
    $protected
</LocationMatch>
<Location "/maybe">
    AuthType aten
    AtenOptional on
    Require all granted
</Location>
<Location "/set">
    Header set Cache-Control "public, max-age=600"
</Location>
<Location "/always">
    Header always set Cache-Control "public, s-maxage=600, max-age=5"
</Location>
<Location "/off">
    Header unset Cache-Control
</Location>
<Location "/errors">
    Require all granted
</Location>
END

sub prepare (%option) {
    my $server = Aten::Server->prepare(cas => $cas, %option);
    $server->file('cgi-bin/control', $program);
    chmod 0755, $server->root . '/cgi-bin/control';
    $server->file("htdocs/$_/page.html", "page\n") for qw(static set always off errors open);
    $server->file('htdocs/ssi/page.shtml', '<!--#echo var="REMOTE_USER" -->');
    $server->file('htdocs/errors/404.html', "not there\n");
    return $server;
}

my $server  = prepare(config => config(), name => 'headers');
$server->run;
my $browser = login($server, 'prof', to => '/static/page.html');
is $browser->page->body, "page\n", 'in';

# The directives of all Cache-Control lines, sorted.
sub control ($page) {
    return join ', ', sort map { split /\s*,\s*/ } $page->header_all('cache-control');
}

my @under_session = (
    ['/static/page.html',                       200, 'private',                     'a file'],
    ['/app/x',                                  200, 'private',                     'a program'],
    ['/app/x?public',                           200, 'private',                     'public'],
    ['/app/x?public,+max-age%3D60',             200, 'max-age=60, private',         'public with an age'],
    ['/app/x?PUBLIC,+S-MAXAGE%3D60',            200, 'private',                     'in capitals'],
    ['/app/x?s-maxage%3D60,max-age%3D0',        200, 'max-age=0, private',          's-maxage is for shared caches'],
    ['/app/x?max-age%3D60,+must-revalidate',    200, 'max-age=60, must-revalidate, private', 'an age alone'],
    ['/app/x?no-cache',                         200, 'no-cache, private',           'no-cache is no private'],
    ['/app/x?private',                          200, 'private',                     'private'],
    ['/app/x?private,+max-age%3D9',             200, 'max-age=9, private',          'private with an age'],
    ['/app/x?no-store',                         200, 'no-store',                    'no-store is stricter'],
    ['/app/x?no-store,+no-cache',               200, 'no-cache, no-store',          '... with more'],
    ['/app/x?private%3D%22x-name%22,max-age%3D9', 200, 'max-age=9, private',        'private for a field'],
    ['/app/x/404',                              404, 'private',                     'a program\'s own 404'],
    ['/app/x/500?public',                       500, 'private',                     'a program\'s own 500'],
    ['/proxied/x',                              200, 'private',                     'a proxy'],
    ['/proxied/x?public,max-age%3D60',          200, 'max-age=60, private',         'a proxy, public'],
    ['/proxied/x?no-store',                     200, 'no-store',                    'a proxy, no-store'],
    ['/proxied/x/404',                          404, 'private',                     'a proxy\'s 404'],
    ['/ssi/page.shtml',                         200, 'private',                     'SSI'],
    ['/missing/x',                              404, 'private',                     'an ErrorDocument'],
    ['/set/page.html',                          200, 'max-age=600, private',        'Header set'],
    ['/always/page.html',                       200, 'max-age=5, private',          'Header always set'],
    ['/off/page.html',                          200, 'private',                     'Header unset'],
    ['/maybe/x?public',                         200, 'private',                     'AtenOptional, with a session'],
);
for my $case (@under_session) {
    my ($path, $status, $expected, $why) = @$case;
    my $page = $browser->get($server->url($path));
    is $page->status, $status, "$path: status";
    is control($page), $expected, "... $why";
    is control($browser->head($server->url($path))), $expected, '... by HEAD too';
}

subtest 'not modified' => sub {
    my $page = $browser->get($server->url('/static/page.html'));
    my $again = $browser->get($server->url('/static/page.html'),
        headers => { 'If-None-Match' => $page->header('etag') });
    is $again->status, 304, 'not modified';
    is control($again), 'private', 'private';
    $again = $browser->get($server->url('/set/page.html'),
        headers => { 'If-Modified-Since' => $browser->get($server->url('/set/page.html'))->header('last-modified') });
    is $again->status, 304, 'not modified, with a Header';
    is control($again), 'max-age=600, private', 'private';
};

subtest 'errors of httpd itself' => sub {
    my $cookie = join '; ', map { "$_->{name}=$_->{value}" } $browser->jar->all;
    my $common = "Host: localhost\r\nAccept: text/html\r\nCookie: $cookie\r\nConnection: close\r\n";
    for my $case ([ 'Range: bytes=900-', 416 ], [ 'If-Match: "other"', 412 ], [ 'Range: bytes=0-1', 206 ]) {
        my ($header, $status) = @$case;
        my $answer = raw_request($server->port, "GET /static/page.html HTTP/1.1\r\n$common$header\r\n\r\n");
        like $answer, qr{^HTTP/1\.1 $status }, "$header: $status";
        like $answer, qr/^Cache-Control: private\r?$/m, '... private';
    }
    my $answer = raw_request($server->port, "PUT /static/page.html HTTP/1.1\r\n${common}Content-Length: 0\r\n\r\n");
    like $answer, qr{^HTTP/1\.1 405 }, 'a method that a file has not';
    like $answer, qr/^Cache-Control: private\r?$/m, '... private';
};

subtest 'what is nobody\'s stays as it was' => sub {
    for my $who ([ browser(), 'nobody' ], [ $browser, 'somebody' ]) {
        my $get = sub ($path) { control($who->[0]->get($server->url($path))) };
        is $get->('/open/page.html'), '', "a file, for $who->[1]";
        is $get->('/public/x?public,max-age%3D60'), 'max-age=60, public', "a program, for $who->[1]";
        is $get->('/nothing'), '', "404, for $who->[1]";
    }
    is control(browser()->get($server->url('/maybe/x?public'))), 'public', 'AtenOptional, without a session';
};

subtest 'the module\'s own answers are not kept' => sub {
    my %expected = ('/aten/login' => 'no-store', '/aten/session' => 'no-store', '/aten/none' => 'no-store',
        '/static/page.html' => 'no-store');
    is control(browser()->get($server->url($_), follow => 0)), $expected{$_}, $_ for sort keys %expected;
    is control($browser->get($server->url('/aten/session'))), 'no-store', 'with a session too';
    is control(browser()->get($server->url('/aten/style.css'))), 'max-age=86400, public', 'but the style sheet';
};
$server->clean_log_ok;

# --- a cache in httpd itself ---

my $cache = <<'END';
CacheRoot @ROOT@/cache
CacheIgnoreNoLastMod on
CacheDefaultExpire 600
CacheHeader on
END

subtest 'CacheEnable beside AuthType aten' => sub {
    my @modules = (modules => [qw(cache cache_disk)]);
    my $all = "CacheEnable disk /\n";
    my $host = "<VirtualHost 127.0.0.1:\@PORT\@>\nServerName localhost\n";
    for my $where (
        "CacheQuickHandler off\n$all", "CacheQuickHandler on\n$all",
        # Told to keep what is private: not what is ours to protect.
        "CacheQuickHandler on\nCacheStorePrivate on\nCacheStoreNoStore on\n$all",
        "<Location /app>\nCacheEnable disk\n</Location>\n", "$host$all</VirtualHost>\n",
        "$host<Location /app>\nCacheEnable disk\n</Location>\n</VirtualHost>\n",
    )
    {
        my $with = prepare(config => config($cache . $where), name => 'a cache', @modules);
        mkdir $with->root . '/cache';
        chmod 0777, $with->root . '/cache';
        $with->run;
        $with->log_like(qr/\[auth_aten:warn\].* CacheEnable stands beside AuthType aten/, 'warned of at the start');
        served_ok($with) if $where =~ m{^CacheQuickHandler};
        $with->clean_log_ok;
    }
    my $alone = Aten::Server->new(name => 'a cache alone', @modules,
        config => "AtenCASServer http://127.0.0.1:9/cas\nAtenBaseURL \@BASE\@\n${cache}CacheEnable disk /\n");
    unlike $alone->log->wait_like(qr/resuming normal operations/), qr/CacheEnable/,
        'nothing to warn of without AuthType aten';
    $alone->clean_log_ok;
};

# Whose is what is served? And is the cache at work at all?
sub served_ok ($with) {
    my $hit = sub ($page) { ($page->header('x-cache') // '') =~ /^HIT/ ? 1 : 0 };
    my $nobody = browser();
    $nobody->get($with->url('/public/x?max-age%3D60')) for 1 .. 2;
    ok $hit->($nobody->page), 'the cache works: a public page comes from it';
    my %person = map { $_ => login($with, $_, to => '/static/page.html') } qw(prof parent);
    for my $path (
        '/app/x', '/app/x?public,max-age%3D600', '/app/x?s-maxage%3D600', '/app/x?max-age%3D600', '/app/x?no-cache',
        '/proxied/x?public,max-age%3D600', '/maybe/x', '/maybe/x?max-age%3D600', '/static/page.html',
    ) {
        for (1, 2) {
            for my $name (qw(prof parent)) {
                my $page = $person{$name}->get($with->url($path));
                is $page->status, 200, "$path: $name";
                my ($for) = $page->body =~ /^for (\w+)$/m;
                # What an application lets a cache keep for nobody (AtenOptional) may be shown to anybody.
                my $right = $path =~ /proxied/ ? 'nobody' : $path =~ /maybe/ ? "$name|nobody" : $name;
                like $for, qr/^(?:$right)$/, '... is not given somebody else\'s' if defined $for;
                ok !$hit->($page), '... and it is not from the cache' if $path !~ /maybe/;
            }
            my $page = $nobody->get($with->url($path), follow => 0);
            my $expected = $path =~ /^.maybe/ ? qr/^for nobody$/m : qr/^$/;
            like $page->body, $expected, "$path: nobody is given nobody's";
            is $page->status, $path =~ /^.maybe/ ? 200 : 303, '... and asked to log in where it is protected';
        }
    }
    for (1, 2) {
        is $person{$_}->get($with->url('/aten/session'))->json->{user}, $_, "/aten/session: $_" for qw(prof parent);
        is $nobody->get($with->url('/aten/session'))->json->{user}, undef, '... nobody';
        like $person{prof}->get($with->url('/aten/login'))->text, qr/D'Aubigné/, '/aten/login: prof';
        unlike $nobody->get($with->url('/aten/login'))->text, qr/D'Aubigné/, '... not to nobody';
    }
    return;
}

done_testing;

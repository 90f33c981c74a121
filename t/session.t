# The session: how long it lasts, which keys open it, what its cookie is called and where it holds, and what of it the
# application sees.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::URL ();
use HTTP::Tiny ();
use MIME::Base64 ();

need_module;

my $cas = Aten::CAS->new;
my $tls = Aten::TLS->new;

my $client = HTTP::Tiny->new(
    max_redirect => 0, timeout => 10, no_proxy => ['*'], verify_SSL => 1,
    SSL_options => { SSL_ca_file => $tls->ca_file },
);

# One request of a browser that has this Cookie header and keeps nothing.
sub ask ($url, $cookie, %headers) {
    my %all    = (accept => 'text/html', defined $cookie ? (cookie => $cookie) : (), %headers);
    my $method = delete $all{method} // 'GET';
    return Aten::Page->new($url, $client->request($method, $url, { headers => \%all, peer => '127.0.0.1' }), {});
}

# Who is let in: the user, 'nobody' for somebody who is sent to log in, else the status.
sub who ($url, $cookie) {
    my $page = ask($url, $cookie);
    return env_of($page)->{REMOTE_USER} // 'nameless' if reached($page);
    return $page->status == 303 ? 'nobody' : $page->status;
}

sub pair ($cookie) { return "$cookie->{name}=$cookie->{value}" }

# Log in at this address of a protected page, by a browser.
sub enter ($url, $account = 'prof', $browser = browser(ca => $tls->ca_file)) {
    $browser->get($url);
    $browser->click('Autres publics') if $browser->page->link('Autres publics');
    $browser->submit({ username => $account, password => 'demo' }) if $browser->page->forms;
    is identity_of($browser)->{REMOTE_USER}, $account,
        "$account is in at $url" or diag $browser->url, $browser->page->text;
    return $browser;
}

sub key () {
    open my $random, '<:raw', '/dev/urandom' or die "urandom: $!";
    read $random, my $bytes, 32;
    return MIME::Base64::encode($bytes, '');
}

# --- how long ---

my $morning = 1_484_035_200;    # 2017-01-10 09:00 in Paris

# The same host by another port: its session holds here too.
sub other_port ($port, $lines) {
    return <<~"END";
        Listen 127.0.0.1:\@$port\@
        <VirtualHost 127.0.0.1:\@$port\@>
            ServerName localhost
            AtenBaseURL http://localhost:\@$port\@
            ScriptAlias /ent    \@CGI\@/env
            ScriptAlias /public \@CGI\@/env
            $lines
        </VirtualHost>
        END
}
my $by_profile = <<~'END';
    <AtenProfile a>
        AtenLabel "A"
        AtenBackend closed
        AtenBackendFrom 2030-01-01 cas @CAS@
    </AtenProfile>
    END

# What stands around a session; the lines of a test go first.
sub timed_config ($lines = '') {
    return <<~"END";
        $lines
        AtenBaseURL \@BASE\@
        @{[ $lines =~ /^AtenCASServer/m ? '' : "AtenCASServer \@CAS\@" ]}
        ScriptAlias /ent    \@CGI\@/env
        ScriptAlias /public \@CGI\@/env
        ScriptAlias /seen   \@CGI\@/env
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        <Location "/files">
            AuthType aten
            Require valid-user
        </Location>
        <Location "/closed">
            AuthType aten
            Require valid-user
            AtenCASCutoff 2017-01-01 everyone
        </Location>
        <Location "/others">
            AuthType aten
            Require user somebody-else
        </Location>
        <Location "/maybe">
            AuthType aten
            Require valid-user
            AtenOptional on
        </Location>
        <Location "/seen">
            AuthType aten
            Require valid-user
            AtenPassCookie on
        </Location>
        ScriptAlias /maybe \@CGI\@/env
        ProxyPass /behind http://127.0.0.1:\@PORT2\@/public
        <Location "/behind">
            AuthType aten
            Require valid-user
        </Location>
        Listen 127.0.0.1:\@PORT2\@
        @{[ other_port(PORT3 => "AtenCASServer \@CAS\@\nAtenSessionIdle 900") ]}
        @{[ other_port(PORT4 => "AtenCASServer http://127.0.0.1:9/other\n$by_profile") ]}
        @{[ other_port(PORT5 => "AtenCASServer \@CAS\@\nAtenSessionCookie ent") ]}
        ErrorDocument 404 /files/missing.shtml
        DirectoryIndex index.shtml
        AddType text/html .shtml
        AddOutputFilter INCLUDES .shtml
        END
}

my $server = Aten::Server->prepare(
    cas => $cas, at => $morning, config => timed_config(), name => 'httpd with its own clock',
);
$server->file('htdocs/files/index.shtml',
    qq(<!--#include virtual="/files/part.html" --> <!--#include virtual="/ent/part" -->\n));
$server->file('htdocs/files/part.html',     "a part\n");
$server->file('htdocs/files/missing.shtml', qq(nothing here <!--#include virtual="/files/part.html" -->\n));
$server->file('htdocs/open/index.shtml',    qq(open <!--#include virtual="/files/part.html" -->\n));
$server->run;
my $ent = $server->url('/ent/');

# A session that began at that time of the faked clock; its cookie as a header.
sub session_at ($time = $morning) {
    $server->hold_time($time);
    return pair(enter($ent)->jar->find('aten'));
}

sub set_cookies ($page) { return [$page->header_all('set-cookie')] }

subtest 'idle, and sliding' => sub {
    my $session = session_at();
    my @cases   = (
        [0,    'prof',   0, 'at once'],
        [180,  'prof',   0, 'a twentieth of the idle time'],
        [181,  'prof',   1, '... and a second: issued anew'],
        [3599, 'prof',   1, 'the last second of the idle time'],
        [3600, 'nobody', 0, 'the end of the idle time'],
        [-60,  'prof',   0, 'a clock of another front end, a minute behind'],
        [-61,  'nobody', 0, '... and more: not to be judged'],
    );
    for my $case (@cases) {
        my ($after, $who, $anew, $why) = @$case;
        $server->hold_time($morning + $after);
        is who($ent, $session), $who, "after $after s: $why";
        my $page = ask($ent, $session);
        is scalar(() = $page->header_all('set-cookie')), $anew, $anew ? '... with one cookie' : '... without a cookie';
        next if !$anew;
        my ($text) = $page->header_all('set-cookie');
        like $text, qr{^aten=[\w-]+; Path=/; HttpOnly; SameSite=Lax$}, '... that ends with the browser, as the first';
        isnt $text =~ s/;.*//r, $session, '... another one';
        $server->hold_time($morning + $after + 3599);
        is who($ent, $text =~ s/;.*//r), 'prof', '... from which the idle time counts anew';
        $server->hold_time($morning + $after + 3600);
        is who($ent, $text =~ s/;.*//r), 'nobody', '... and ends as well';
    }
};

subtest 'for how long at most' => sub {
    my $browser = browser();
    $server->hold_time($morning);
    enter($ent, 'prof', $browser);
    my $first = $browser->fetch($server->url('/aten/session'))->json;
    for my $after (map { $_ * 1800 } 1 .. 15) {
        $server->hold_time($morning + $after);
        $browser->get($ent);
        last if !reached($browser);
    }
    $server->hold_time($morning + 28_799);
    is identity_of($browser->get($ent))->{REMOTE_USER}, 'prof', 'a request each half hour: in until the last second';
    my $last = $browser->fetch($server->url('/aten/session'))->json;
    is_deeply $last, $first, 'what the session says of itself has not moved';
    is $server->epoch($last->{until}) - $server->epoch($last->{login}), 28_800, 'eight hours';
    my $cookie = pair($browser->jar->find('aten'));
    $server->hold_time($morning + 28_800);
    is who($ent, $cookie), 'nobody', 'and out after eight hours';
    is_deeply [$browser->jar->refused], [], 'each cookie was one that a browser takes';
};

subtest 'who issues it anew' => sub {
    my $session = session_at();
    $server->hold_time($morning + 600);
    my @cases = (
        ['/ent/x',             1, 'an application'],
        ['/files/part.html',   1, 'a file'],
        ['/files/',            1, 'an index with parts that are protected too'],
        ['/files/nothing',     1, 'an error with a page of the site'],
        ['/maybe/',            1, 'a page that is open to all, and knows who comes'],
        ['/open/',             0, 'a public page, though it includes a protected part'],
        ['/public/',           0, 'a public page'],
        ['/closed/',           0, 'a page that is closed to this person'],
        ['/others/',           0, 'a page that this person has no right to'],
        ['/aten/login',        0, 'the chooser'],
        ['/aten/session',      0, 'the question who it is'],
        ['/aten/style.css',    0, 'the style sheet'],
    );
    for my $case (@cases) {
        my ($path, $count, $why) = @$case;
        my $page = ask($server->url($path), $session);
        is scalar(() = $page->header_all('set-cookie')), $count, "$why: $count";
        is $page->header('cache-control'), 'private', '... and private' if $count;
    }
    like ask($server->url('/files/'), $session)->body, qr/a part.*application|a part.*"env"/s, 'the parts were there';
    like ask($server->url('/files/nothing'), $session)->body, qr/nothing here a part/, 'so was the page of the error';
    is ask($server->url('/ent/x'), $session, method => 'HEAD')->header('set-cookie') ? 1 : 0, 1, 'HEAD does as well';
    my $file = ask($server->url('/files/part.html'), $session);
    my $same = ask($server->url('/files/part.html'), $session, 'if-none-match' => $file->header('etag'));
    is $same->status, 304, 'a file that the browser has already';
    is scalar(() = $same->header_all('set-cookie')), 1, '... brings the cookie too';
    for my $path ('/closed/', '/others/') {
        my $page = ask($server->url($path), $session, accept => 'application/json');
        is $page->status, 403, "a script that is refused at $path";
        is_deeply set_cookies($page), [], '... gets none';
    }
    my $late = ask($ent, $session =~ s/.$//r, accept => 'application/json');
    is $late->status, 401, 'a script without a session';
    is_deeply set_cookies($late), [], '... gets none';
};

sub at_port ($port) { return 'http://localhost:' . $server->var($port) . '/ent/' }

subtest 'the configured lifetime and the cookie\'s own: the earlier wins' => sub {
    my $session = session_at();
    my $at      = sub ($after, $url = $ent) { $server->hold_time($morning + $after); return who($url, $session) };
    is $at->(2000), 'prof', 'within eight hours';
    is $at->(899, at_port('PORT3')), 'prof', 'where the idle time is shorter: in until then';
    is $at->(900, at_port('PORT3')), 'nobody', '... and out, though it goes on elsewhere';
    $server->set_config(timed_config('AtenSessionLifetime 1800'));
    $server->graceful;
    is $at->(1799), 'prof', 'lowered to half an hour, by a graceful restart: in until then';
    is $at->(1800), 'nobody', '... and out, though the cookie says otherwise';
    is_deeply set_cookies(ask($ent, $session)), [], '... and no cookie is made of it';
    my $short = session_at();
    my ($until) = map { $_->{until} } ask($server->url('/aten/session'), $short)->json;
    is $server->epoch($until), $morning + 1800, 'a new session says until when';

    $server->set_config(timed_config('AtenCASServer http://127.0.0.1:9/other'));
    $server->graceful;
    is $at->(10), 'nobody', 'another CAS server in the place of the one that made it: out';
    is ask($server->url('/aten/session'), $session)->json->{authenticated}, JSON::PP::false(), '... everywhere';
    unlike ask($server->url('/aten/login'), $session)->text, qr/déjà connectée/, '... on the chooser too';
    is who(at_port('PORT4'), $session), 'prof', 'where a profile names it, even a closed one: in';

    $server->set_config(timed_config());
    $server->graceful;
    is $at->(1800), 'prof', 'all as it was: in again';
    $session = $short;
    is $at->(1799), 'prof', 'the one made under the short lifetime: in';
    is $at->(1800), 'nobody', '... and out at its own end';
};

# --- what the application sees ---

subtest 'AtenPassCookie' => sub {
    my $session = session_at();
    my $foreign = 'appli=1; aten-login-x=2; atenx=3; ATEN=4; xaten=5; other="a b"';
    my $seen    = sub ($path, $cookie) { env_of(ask($server->url($path), $cookie))->{HTTP_COOKIE} };
    my $ours    = join '; ', $session, 'aten-login-0=zero', 'aten-login-12=twelve', '__Host-aten=host',
        '__Secure-aten=secure', '__Host-aten-login-1=one';
    for my $path (qw(/ent/ /public/ /maybe/ /behind/)) {
        is $seen->($path, "$ours; $foreign"), $foreign, "$path: the application sees its own cookies alone";
        is $seen->($path, "appli=1; $ours"), 'appli=1', '... wherever they stand';
        is $seen->($path, $ours), undef, '... and none where there is none of its own';
    }
    is $seen->('/seen/', "$ours; $foreign"), "$ours; $foreign", 'on: it sees all';
    is identity_of(ask($server->url('/seen/'), "$ours; $foreign"))->{REMOTE_USER}, 'prof', '... and who it is';
    my $named = ask('http://localhost:' . $server->var('PORT5') . '/public/', 'ent=1; ent-login-3=2; aten=3');
    is env_of($named)->{HTTP_COOKIE}, 'aten=3', 'ours are those of the name that is configured';
};
$server->clean_log_ok(qr/AH01631: user prof: authorization failure for "\/others\/"/,
    qr/AtenBackendFrom \(profile a\): from 2030/);

# --- the keys ---

subtest 'made at the first start' => sub {
    my $state = $server->root . '/state';
    my $file  = "$state/keys";
    is sprintf('%04o', (stat $state)[2] & 07777), $> ? '0700' : '0711', 'in a directory that others can only pass through';
    is sprintf('%04o', (stat $file)[2] & 07777), '0600', '... in a file for its owner alone';
    is((stat $file)[4], $>, '... whom httpd was started as');
    is_deeply [map { s{.*/}{}r } glob "$state/{*,.??*}"], [qw(info.json keys store)],
        '... with the store and what aten-session needs, and nothing else';
    my $text = Aten::Process::slurp($file);
    is scalar(grep { length MIME::Base64::decode($_) == 32 } grep { !/^#/ } split /\n/, $text), 1,
        'one key of 32 bytes';
    my $session = session_at();
    my $mark    = $server->log->mark;
    $server->$_ for qw(graceful restart);
    is Aten::Process::slurp($file), $text, 'kept over graceful and full restarts';
    $server->hold_time($morning + 10);
    is who($ent, $session), 'prof', '... and so is the session';
    $server->log->unlike(qr/new session keys/, '... and none was made', $mark);
    is scalar(() = $server->log->text =~ /new session keys in '\Q$file\E'/g), 1, 'the log told it once';
    chmod 0640, $file;
    my ($status, $output) = $server->configtest;
    isnt $status, 0, 'made readable for others: configtest fails';
    like $output, qr/AtenSessionKeys: '\Q$file\E' may be read or written by others; chmod 0600/, '... and says so';
    $server->stop_ok;
    unlink $file;
    $server->run;
    is who($ent, $session), 'nobody', 'thrown away: the sessions are too';
    isnt Aten::Process::slurp($file), $text, '... for new ones';
    $server->clean_log_ok;
};

subtest 'AtenSessionKeys at configtest' => sub {
    my ($one, $two) = (key(), key());
    my $good  = Aten::Server->prepare(config => "AtenSessionKeys conf/keys\n" . ent_config(), cas => $cas);
    my $file  = $good->root . '/conf/keys';
    my $short = substr $one, 0, 40;
    my @cases = (
        ["$one\n",                        0600, undef, 'one key'],
        ["$one\n$two\n",                  0600, undef, 'two'],
        ["# of September\n\n$one\n",      0400, undef, 'a comment, an empty line, a file that cannot be written'],
        ["$one\r\n$two\r\n",              0600, undef, 'line ends of another system'],
        ["$one",                          0600, undef, 'no line end'],
        [join("\n", map { key() } 1 .. 16), 0600, undef, 'sixteen'],
        [join("\n", map { key() } 1 .. 17), 0600, qr/16/, 'seventeen'],
        (map { ["$one\n", $_, qr/may be read or written by others; chmod 0600/, sprintf 'mode %04o', $_] }
            0640, 0620, 0604, 0602, 0644, 0666, 0660),
        ['',                              0600, qr/there is no key/, 'nothing in it'],
        ["# none\n",                      0600, qr/there is no key/, 'a comment alone'],
        ["$short\n",                      0600, qr/line 1 is not the base64 of 32 bytes/, 'a short key'],
        ["$one\n${one}AAAA\n",            0600, qr/line 2 is not the base64 of 32 bytes/, 'a long one'],
        ["$one $two\n",                   0600, qr/line 1 is not the base64 of 32 bytes/, 'two on a line'],
        ["secret\n",                      0600, qr/line 1 is not the base64 of 32 bytes/, 'a password'],
        ["$one\n#\n$one\n",               0600, qr/line 3 has the same key as line 1/, 'the same twice'],
        ["#" . 'x' x 20_000 . "\n$one\n", 0600, qr/too large/, 'a large file'],
    );
    for my $case (@cases) {
        my ($text, $mode, $error, $why) = @$case;
        $good->file('conf/keys', $text);
        chmod $mode, $file;
        my ($status, $output) = $good->configtest;
        if (!$error) {
            is $status, 0, "$why: fine" or diag $output;
            next;
        }
        isnt $status, 0, "$why: an error";
        like $output, qr/AtenSessionKeys: '\Q$file\E'.*$error/, '... that names the file and what would be right';
        unlike $output, qr/\Q@{[ substr $one, 0, 8 ]}\E|secret/, '... and repeats nothing of it';
    }
    unlink $file;
    my ($status, $output) = $good->configtest;
    like $output, qr/AtenSessionKeys: '\Q$file\E' does not exist/, 'no such file';
    isnt $status, 0, '... an error too: it is not made';
    ok !-e $file, '... not even by configtest';
    mkdir $file;
    like +($good->configtest)[1], qr/AtenSessionKeys: '\Q$file\E' is not a file/, 'a directory';
    ok !-e $good->root . '/state', 'configtest makes no state directory';
};

# Two front ends of one site, each with its own copy of the key file; they are never changed at the same moment.
subtest 'a change of keys, in two steps' => sub {
    my ($old, $new) = (key(), key());
    my $config = sub ($base) {
        return "AtenSessionKeys conf/keys\n" . ent_config() =~ s/\@BASE\@/$base/r;
    };
    my $left  = Aten::Server->prepare(cas => $cas, name => 'left');
    my $right = Aten::Server->prepare(cas => $cas, name => 'right');
    $_->set_config($config->($left->url(''))) for $left, $right;
    my $keys = sub ($front, @keys) {
        $front->file('conf/keys', join '', map { "$_\n" } @keys);
        chmod 0600, $front->root . '/conf/keys';
        $front->pid ? $front->graceful : $front->run;
    };
    my $in_both = sub ($cookie, $why) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        is join(' ', map { who($_->url('/ent/'), $cookie) } $left, $right), 'prof prof', $why;
    };
    my $new_session = sub { return pair(enter($left->url('/ent/'))->jar->find('aten')) };
    $keys->($_, $old) for $left, $right;
    my $first = $new_session->();
    $in_both->($first, 'one key: in at both');

    # A login that is under way is as good at the other front end.
    my $browser = browser();
    $browser->get($left->url('/ent/x'));
    $browser->click('Autres publics');
    my $back = $browser->submit({ username => 'prof', password => 'demo' }, until => sub { 1 })->location;
    my ($from, $to) = map { $_->port } $left, $right;
    my $page = $browser->get($back =~ s/^http:\/\/localhost:$from/http:\/\/localhost:$to/r);
    is $page->url, $left->url('/ent/x'), 'a login that begins at one and ends at the other';
    is identity_of($page)->{REMOTE_USER}, 'prof', '... gets in';

    $keys->($left, $old, $new);
    $in_both->($first, 'step one, here: the old session is in at both');
    $in_both->($new_session->(), '... and a new one too, for it is still sealed by the old key');
    $keys->($right, $old, $new);
    $in_both->($new_session->(), 'step one, everywhere');
    $keys->($left, $new, $old);
    my $second = $new_session->();
    $in_both->($first, 'step two, here: the old session is in at both');
    $in_both->($second, '... and a new one too, for the other front end knows the key already');
    $keys->($right, $new, $old);
    $in_both->($first, 'step two, everywhere: the old');
    $in_both->($second, '... and the new');
    $keys->($_, $new) for $left, $right;
    is who($_->url('/ent/'), $first), 'nobody', 'the old key is taken out: its sessions are over' for $left, $right;
    $left->log_like(qr/auth_aten:debug.*AT0121: sealed by a key that is not, or no longer, in use/,
        '... the log says why');
    $in_both->($second, '... the others are not');
    $keys->($left, key(), $new);
    is who($left->url('/ent/'), $second), 'prof', 'a key put first at once: old sessions stay';
    is who($right->url('/ent/'), $new_session->()), 'nobody', '... but the other front end does not know the new ones';
    $left->restart;
    is who($left->url('/ent/'), $second), 'prof', 'a full restart changes nothing';
    $_->clean_log_ok, $_->stop_ok for $left, $right;
};

# --- names and hosts ---

sub https_host ($name, $lines) {
    return <<~"END";
        <VirtualHost *:\@HTTPS_PORT\@>
            ServerName $name
            \@TLS_CONFIG\@
            $lines
            ScriptAlias /ent \@CGI\@/env
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
        </VirtualHost>
        END
}
sub http_host ($port, $name, $lines) {
    return "Listen 127.0.0.1:\@$port\@\n" . https_host($name, $lines) =~ s/HTTPS_PORT/$port/r =~ s/\@TLS_CONFIG\@//r;
}

my $domain = 'AtenSessionCookie ent domain=ent.example';
my $ours   = 'AtenCASServer @CAS@';
my $many   = Aten::Server->new(
    cas => $cas, https => 1, tls => $tls, name => 'many hosts',
    certificate => [
        $tls->certificate(name => 'httpd', names => ['DNS:*.ent.example', map { "DNS:$_.test" } qw(a b named outside)]),
    ],
    config => join '',
    https_host('one.ent.example',   "$ours\n$domain"),
    https_host('two.ent.example',   "$ours\n$domain"),
    https_host('three.ent.example', "AtenCASServer http://127.0.0.1:9/cas\n$domain"),
    https_host('alone.ent.example', $ours),
    https_host('a.test',            $ours),
    https_host('b.test',            $ours),
    https_host('named.test',        "$ours\nAtenSessionCookie __Host-mine"),
    http_host(PORT2 => 'plain.test',    $ours),
    http_host(PORT3 => 'insecure.test', "$ours\nAtenInsecureHTTP on"),
    http_host(PORT4 => 'localhost',     $ours),
    http_host(PORT5 => 'two.localhost', $ours),
    # A reverse proxy does TLS for this one, by another port.
    http_host(PORT6 => 'inside.test',   "$ours\nAtenBaseURL https://outside.test:\@PORT7\@"),
);
sub host ($name, $path = '/ent/') { return $many->url($path, https => 1, host => $name) }
sub plain ($port, $name = 'localhost', $path = '/ent/') { return "http://$name:" . $many->var($port) . $path }

subtest 'https: __Host-' => sub {
    my $browser = enter(host('a.test'));
    my ($cookie, @more) = $browser->jar->all('a.test');
    ok !@more, 'one cookie';
    like $cookie->{text}, qr{^__Host-aten=[\w-]+; Path=/; Secure; HttpOnly; SameSite=Lax$},
        'with the prefix, as it is written';
    is $browser->jar->for_script(host('a.test')), '', 'no script reads it';
    is_deeply [$browser->jar->refused], [], 'a browser takes all of them, the pending login\'s too';
    my $value = $cookie->{value};
    is who(host('a.test'), "__Host-aten=$value"), 'prof', 'opened by this name';
    is who(host('a.test'), "$_=$value"), 'nobody', "not as $_" for qw(aten __Secure-aten __host-aten Aten);
    is who(host('a.test'), "__Host-aten=broken; __Host-aten=$value"), 'prof', 'behind one that somebody planted';
    is who(host('b.test'), "__Host-aten=$value"), 'nobody', 'another virtual host: nothing';
    is who(host('alone.ent.example'), "__Host-aten=$value"), 'nobody', '... nor elsewhere';
    is who(plain('PORT3', 'insecure.test'), "$_=$value"), 'nobody', '... nor on plain http' for qw(aten __Host-aten);

    my $own = enter(host('named.test'));
    ok $own->jar->find('__Host-mine', 'named.test'), 'AtenSessionCookie with its prefix written: the same';
    is who(host('named.test'), '__Host-aten=' . $own->jar->find('__Host-mine')->{value}), 'nobody',
        'and by no other name';
};

subtest 'https, with a domain: __Secure-' => sub {
    my $browser = enter(host('one.ent.example'));
    my ($cookie) = grep { $_->{name} !~ /login/ } $browser->jar->all('one.ent.example');
    like $cookie->{text}, qr{^__Secure-ent=[\w-]+; Path=/; Domain=ent\.example; Secure; HttpOnly; SameSite=Lax$},
        'as it is written';
    is_deeply [$browser->jar->refused], [], 'a browser takes it';
    my $page = $browser->get(host('two.ent.example', '/ent/x'));
    is identity_of($page)->{REMOTE_USER}, 'prof', 'another host of the domain: in';
    is_deeply [$page->redirects], [], '... without a login';
    $browser->get(host('three.ent.example'));
    ok !reached($browser), 'a host with another CAS server: not';
    $browser->get(host('alone.ent.example'));
    ok !reached($browser), 'a host with a cookie of its own: not';
    my $value = $cookie->{value};
    is who(host('two.ent.example'), "$_=$value"), 'nobody', "not as $_" for qw(ent __Host-ent aten __Host-aten);
    is who(host('alone.ent.example'), "__Host-aten=$value"), 'nobody', 'nor under the name of a host alone';

    # Not where one was logged in, but the other one.
    my ($out) = $browser->get(host('two.ent.example', '/aten/logout'))->redirects;
    like +(grep { !/-logout=/ } $out->{page}->header_all('set-cookie'))[0],
        qr{^__Secure-ent=; Path=/; Domain=ent\.example; Max-Age=0; Secure; HttpOnly; SameSite=Lax$},
        'a logout at one takes it away';
    ok !$browser->jar->find('__Secure-ent'), '... for all';
    is who(host('one.ent.example'), undef), 'nobody', '... nobody';

    my $alone = enter(host('alone.ent.example'));
    is $alone->jar->find('__Host-aten')->{host_only}, 1, 'without a domain: the cookie is for its host';
    ok !reached($alone->get(host('one.ent.example'))), '... and is none of the domain\'s';
};

subtest 'a cookie that a browser would refuse' => sub {
    my %good = ('ent.example' => 1, 'Ent.Example' => 1, 'one.ent.example' => 1);
    for my $given (sort(keys %good), 'other.example', 'ne.ent.example') {
        my $good = $good{$given} // 0;
        my ($status, $output) = Aten::Server->configtest(cas => $cas,
            config => http_host(PORT2 => 'one.ent.example',
                "$ours\nAtenSessionCookie ent domain=$given\nAtenInsecureHTTP on"));
        my $why = $good ? 'fine' : 'nobody could log in';
        is $status ? 0 : 1, $good, "domain=$given for one.ent.example: $why" or diag $output;
        like $output, qr/AtenSessionCookie: 'domain=\Q$given\E' .*one\.ent\.example/, '... says configtest' if !$good;
    }
};

subtest 'http' => sub {
    my $value = enter(plain('PORT4'))->jar->find('aten')->{value};
    is who(plain('PORT4'), "aten=$value"), 'prof', 'on this machine';
    is who(plain('PORT5', 'two.localhost'), "aten=$value"), 'nobody', 'another name of it: nothing';
    is who(plain('PORT4'), "$_=$value"), 'nobody', "not as $_" for qw(__Host-aten __Secure-aten ATEN);
    my $two = enter(plain('PORT5', 'two.localhost'));
    is $two->jar->find('aten')->{secure}, 0, 'a name under localhost is this machine';
    my $named = enter(plain('PORT3', 'insecure.test'));
    like $named->jar->find('aten')->{text}, qr{^aten=[\w-]+; Path=/; HttpOnly; SameSite=Lax$},
        'AtenInsecureHTTP on: elsewhere too';
};

subtest 'plain http elsewhere' => sub {
    my $mark = $many->log->mark;
    my $page = browser()->get(plain('PORT2', 'plain.test'));
    is $page->status, 403, 'refused';
    is $page->h1, 'Cette adresse n’est pas protégée', 'a page says why';
    my ($reference) = $page->text =~ /: ([0-9a-f]{10})/;
    $many->log_like(qr{auth_aten:error.*AT0108: .*http://plain\.test:\d+ \(reference \Q$reference\E\)},
        'so does the log', $mark);
    is scalar(grep { $_->{href} =~ m{/aten/login} } $page->links), 0, 'no way to log in is offered';
    my $script = ask(plain('PORT2', 'plain.test'), undef, accept => 'application/json');
    is $script->status, 403, 'a script is told too';
    is $script->json->{error}, 'AT0108', '... why';
    for my $path (map { "/aten/$_" } 'login', 'login?profile=autres-publics&to=/ent/', 'cas?ticket=ST-1', 'logout') {
        $page = browser()->get(plain('PORT2', 'plain.test', $path));
        is $page->status, 403, "$path: nor by our own pages";
        is_deeply set_cookies($page), [], '... no cookie';
    }
    is browser()->get(plain('PORT2', 'plain.test', '/aten/style.css'))->status, 200, 'the page has its style';
    my ($status, $output) = Aten::Server->configtest(cas => $cas,
        config => "AtenBaseURL http://ent.test\n" . ent_config() =~ s/^AtenBaseURL .*//mr);
    isnt $status, 0, 'AtenBaseURL with plain http: an error at configtest';
    like $output, qr{AtenBaseURL: 'http://ent\.test' is plain http}, '... that says so';
};

subtest 'https outside, http inside' => sub {
    my $proxy = Aten::Server->new(
        module => 0, https => 1, tls => $tls, certificate => $many->{certificate}, name => 'the reverse proxy',
        vars => { HTTPS_PORT => $many->var('PORT7') },
        config => <<~"END",
            <VirtualHost *:\@HTTPS_PORT\@>
                \@TLS_CONFIG\@
                ServerName outside.test
                ProxyPass / http://127.0.0.1:@{[ $many->var('PORT6') ]}/
            </VirtualHost>
            END
    );
    my $outside = 'https://outside.test:' . $many->var('PORT7');
    my $browser = browser(ca => $tls->ca_file);
    my $page    = $browser->get("$outside/ent/x?y");
    is $page->url, "$outside/aten/login?to=%2fent%2fx%3fy", 'the chooser stands outside';
    $page = $browser->click('Autres publics');
    like $page->url, qr{service=https%3a%2f%2foutside\.test%3a\d+%2faten%2fcas%3f},
        'the service address is the one outside';
    $browser->submit({ username => 'parent', password => 'demo' });
    is $browser->url, "$outside/ent/x?y", 'back there';
    is identity_of($browser)->{REMOTE_USER}, 'parent', 'in';
    like $browser->jar->find('__Host-aten')->{text}, qr{^__Host-aten=[\w-]+; Path=/; Secure; HttpOnly; SameSite=Lax$},
        'a cookie for https';
    my $host = env_of($browser)->{HTTP_HOST};
    unlike $host, qr/outside/, "whatever Host the request brings inside ($host)";
    my ($out) = $browser->get("$outside/aten/logout")->redirects;
    like $out->{to}, qr{\?service=https%3a%2f%2foutside\.test%3a\d+%2faten%2fcas%3flogout%3d[\w-]{22}$},
        'out by an address outside';
    $proxy->clean_log_ok(qr/AH02008|AH02039|SSL Library Error|AH01998|AH02032/);
};

$many->clean_log_ok(qr/AH02008|AH02039|SSL Library Error|AH01998|AH02032/, qr/AT0108/);
done_testing;

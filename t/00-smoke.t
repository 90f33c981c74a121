# Does the harness itself work: a real login at the real CAS server, every protocol that it speaks, an httpd of our own
# in each MPM, the clock, and a browser's cookie rules. With the module, the way from the button to the page.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::URL ();

my $cas = Aten::CAS->new;

subtest 'the CAS server: login, ticket, all protocols' => sub {
    my $browser = browser();
    my $service = 'http://localhost:9/aten/cas?state=abc';
    my $login   = $cas->url . '/login?service=' . Aten::URL::escape($service);
    $browser->get($login);
    is $browser->page->status, 200, 'login page';
    like $browser->page->text, qr/Connexion|Veuillez vous authentifier/, 'in French, as the browser asks';
    unlike $browser->page->html, qr{(?:src|href)="(?:https?:)?//}, 'nothing is loaded from elsewhere';

    my $page = $browser->submit({ username => 'parent', password => 'wrong' });
    is $page->status, 200, 'a wrong password leads back to the form';
    $page = $browser->submit({ username => 'parent', password => $cas->password('parent') }, until => sub { 1 });
    is $page->status, 302, 'the right one leads to the service';
    my $ticket = ticket($page, $service);

    is validate('validate', $service, $ticket), "yes\nparent\n", 'CAS 1.0';
    is validate('validate', $service, $ticket), "no\n", 'a ticket is good once';
    my $next = sub { ticket($browser->get($login, until => sub { shift =~ /ticket=/ }), $service) };
    my $v2   = validate('serviceValidate', $service, $next->());
    like $v2, qr{<cas:user>parent</cas:user>}, 'CAS 2.0';
    my $v3 = validate('p3/serviceValidate', $service, $next->());
    like $v3, qr{<cas:sn>L&#x27;Hérault-Müller</cas:sn>}, 'CAS 3.0, with attributes';
    is_deeply [$v3 =~ m{<cas:ENTPersonStructRattachRNE>(.*?)<}g], [qw(0340039X 0340042A)], 'two values stay two';
    like saml_validate($service, $next->()), qr{<NameIdentifier>parent</NameIdentifier>}, 'SAML 1.1';
    like validate('p3/serviceValidate', 'http://localhost:9/aten/cas?state=x', $next->()), qr/INVALID_SERVICE/,
        'a ticket is good for its service alone';

    $cas->set_account('neuf', { ENTPersonProfils => ['National_1'] });
    my $other = browser();
    $other->get($login);
    ok ticket($other->submit({ username => 'neuf', password => 'demo' }, until => sub { 1 }), $service), 'an account added';
    $cas->stop;
    $cas->run;
    ok $next->(), 'the CAS session survives a restart of the server';
};

sub ticket ($page, $service) {
    my ($ticket) = ($page->location // '') =~ /^\Q$service\E&ticket=(ST-[A-Za-z0-9]+)$/;
    ok $ticket, 'a ticket';
    return $ticket;
}

sub validate ($path, $service, $ticket) {
    my $answer = browser()->get($cas->url . "/$path?ticket=$ticket&service=" . Aten::URL::escape($service));
    return $answer->html;
}

sub saml_validate ($service, $ticket) {
    my $body = <<~"END";
        <SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Header/><SOAP-ENV:Body>
        <samlp:Request xmlns:samlp="urn:oasis:names:tc:SAML:1.0:protocol" MajorVersion="1" MinorVersion="1"
        RequestID="_1" IssueInstant="2017-01-01T00:00:00Z"><samlp:AssertionArtifact>$ticket</samlp:AssertionArtifact>
        </samlp:Request></SOAP-ENV:Body></SOAP-ENV:Envelope>
        END
    my $url = $cas->url . '/samlValidate?TARGET=' . Aten::URL::escape($service);
    return browser()->fetch($url, method => 'POST', body => $body, type => 'text/xml', from => undef)->html;
}

for my $mpm (qw(event worker prefork)) {
    subtest "httpd with $mpm" => sub {
        my $server = Aten::Server->new(mpm => $mpm, module => 0, config => "ScriptAlias /env \@CGI\@/env\n", name => $mpm);
        my $env = env_of(browser()->get($server->url('/env/x?a=b')));
        is $env->{PATH_INFO}, '/x', 'the program answers';
        my ($parent, @children) = ($server->pid, $server->children);
        $server->graceful;
        is browser()->get($server->url('/'))->status, 200, 'after graceful';
        $server->reload;
        is $server->pid, $parent, 'the same parent';
        ok "@children" ne join(' ', $server->children), 'other children';
        $server->restart;
        is browser()->get($server->url('/'))->text, 'index', 'after a restart';
        $server->clean_log_ok;
    };
}

subtest 'an error log is judged' => sub {
    my $time = '[Wed Mar 01 00:00:00.000000 2017]';
    my @bad = (
        ["$time [core:error] [pid 1] AH00037: x", 'an error of somebody else'],
        ["$time [auth_aten:notice] [pid 1] AT0102: x", 'a notice of ours'],
        ["$time [core:notice] [pid 1] AH00052: child pid 9 exit signal Segmentation fault (11)", 'a crash'],
        ['==1==ERROR: AddressSanitizer: heap-use-after-free', 'a sanitizer'],
        ["$time [auth_aten:debug] [pid 1] ticket ST-abcdefghijklmnop", 'a ticket'],
    );
    ok scalar(Aten::Log::unexpected($_->[0])), $_->[1] for @bad;
    ok !Aten::Log::unexpected("$time [mpm_event:notice] [pid 1] AH00489: Apache configured"), 'a start is no surprise';
    ok !Aten::Log::unexpected($bad[1][0], qr/AT0102/), 'an expected line';
    ok scalar(Aten::Log::unexpected($bad[4][0], qr/ticket/)), 'a ticket can never be expected';
};

subtest 'configtest' => sub {
    my ($status, $text) = Aten::Server->configtest(module => 0, config => 'NoSuchDirective on');
    isnt $status, 0, 'fails';
    like $text, qr/Invalid command 'NoSuchDirective'/, 'and says why';
    ($status, $text) = Aten::Server->configtest(module => 0);
    is $status, 0, 'passes';
};

subtest 'the clock of httpd' => sub {
    my $server = Aten::Server->new(
        module => 0, at => '2017-02-28 23:59:58', name => 'clock',
        config => qq(<Location "/">\nHeader set X-Epoch "expr=%{TIME}"\n</Location>\n),
    );
    is $server->epoch('2017-03-01 00:00:00'), 1488322800, 'midnight in Paris';
    is $server->epoch('2017-03-01T00:00:00+01:00'), 1488322800, 'the same with an offset';
    my $clock = sub { browser()->get($server->url('/'))->header('x-epoch') };
    like $clock->(), qr/^20170228235[89]|^201703010000/, 'starts where it was told';
    $server->set_time('2017-06-01T12:00:00Z');
    like $clock->(), qr/^20170601140/, 'and is moved while it runs';
    $server->clean_log_ok;
};

subtest 'https' => sub {
    my $server = Aten::Server->new(module => 0, https => 1, name => 'https', config => <<~'END');
        <VirtualHost *:@HTTPS_PORT@>
            @TLS_CONFIG@
            Header always add Set-Cookie "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax"
            Header always add Set-Cookie "__Host-b=1; Path=/; HttpOnly"
        </VirtualHost>
        END
    my $browser = browser(ca => $server->tls->ca_file);
    is $browser->get($server->url('/', https => 1))->status, 200, 'the certificate is trusted';
    ok $browser->jar->find('__Host-a'), 'a good cookie is kept';
    ok !$browser->jar->find('__Host-b'), '__Host- without Secure is not';
    is browser()->get($server->url('/', https => 1))->status, 599, 'nobody trusts it without its authority';
    $server->clean_log_ok(qr/AH02008|AH02039|SSL Library Error|AH01998|AH02032/);
};

subtest 'cookies go where a browser sends them' => sub {
    my $server = Aten::Server->new(module => 0, name => 'cookies', config => <<~'END');
        ScriptAlias /env @CGI@/env
        Alias /set @DOCROOT@/index.html
        <Location "/set">
            Header add Set-Cookie "lax=1; Path=/; SameSite=Lax; HttpOnly"
            Header add Set-Cookie "strict=1; Path=/; SameSite=Strict"
            Header add Set-Cookie "short=1; Path=/; Max-Age=0"
            Header add Set-Cookie "below=1; Path=/env/below"
            Header add Set-Cookie "secure=1; Path=/; Secure"
            Header add Set-Cookie "foreign=1; Domain=elsewhere.test"
        </Location>
        RedirectMatch 303 ^/there$ /env
        END
    my $browser = browser();
    my $env     = $server->url('/env');
    my $other   = 'http://127.0.0.1:' . $server->port . '/';
    my $sent    = sub ($page) { env_of($page)->{HTTP_COOKIE} // '' };
    $browser->get($server->url('/set'));
    is $sent->($browser->get($env)), 'lax=1; strict=1', 'typed: all that hold here';
    is $sent->($browser->get("$env/below")), 'below=1; lax=1; strict=1', 'by path, the longest first';
    is $sent->($browser->get($env, from => $other)), 'lax=1', 'a link on another site: Lax goes';
    is $sent->($browser->post_form($env, { a => 1 }, from => $other)), '', 'a form of another site: none goes';
    is $sent->($browser->post_form($server->url('/there'), { a => 1 }, from => $other)), 'lax=1',
        'but after its 303 Lax goes';
    is $sent->($browser->post_form($env, { a => 1 }, from => $env)), 'lax=1; strict=1', 'a form of our own: all';
    is $sent->($browser->fetch($env, from => $other, credentials => 'include')), '', 'a script of another site: none';
    is $sent->($browser->fetch($env, from => $other, dest => 'iframe')), '', 'a frame in another site: none';
    is $sent->($browser->fetch($env, from => $env)), 'lax=1; strict=1', 'a script of our own: all';
    is $sent->($browser->get("http://127.0.0.1:" . $server->port . '/env')), '', 'another host: none';
    is $browser->jar->for_script($env), 'strict=1', 'a script reads what is not HttpOnly';
    my %site = (
        env_of($browser->get($env))->{HTTP_SEC_FETCH_SITE} => 'none',
        env_of($browser->get($env, from => $env))->{HTTP_SEC_FETCH_SITE} => 'same-origin',
        env_of($browser->get($env, from => $other))->{HTTP_SEC_FETCH_SITE} => 'cross-site',
    );
    is $site{$_}, $_, "Sec-Fetch-Site: $_" for qw(none same-origin cross-site);
    $browser->close;
    is $sent->($browser->get($env)), '', 'a closed browser forgets session cookies';
    $server->clean_log_ok;
};

subtest 'addresses as browsers read them' => sub {
    my $base = 'http://localhost:8080/ent/page?a=b';
    my @cases = (
        ['/x', 'http://localhost:8080/x'],
        ['x/../y', 'http://localhost:8080/ent/y'],
        ['?c', 'http://localhost:8080/ent/page?c'],
        ['//evil.example', 'http://evil.example/'],
        ['/\\evil.example', 'http://evil.example/'],
        ["/\t/evil.example", 'http://evil.example/'],
        ['///evil.example/', 'http://evil.example/'],
        ['https:evil.example', 'https://evil.example/'],
        ['http:x', 'http://localhost:8080/ent/x'],
        ['http://a@evil.example:81', 'http://evil.example:81/'],
        ['/%2e%2e/x', 'http://localhost:8080/x'],
    );
    is Aten::URL::resolve($base, $_->[0]), $_->[1], $_->[0] for @cases;
};

if (Aten::Server::have_module()) {
    subtest 'from the button to the page' => sub {
        my $server  = Aten::Server->new(cas => $cas, config => ent_config());
        my $browser = login($server, 'parent');
        is $browser->page->status, 200, 'in' or diag $browser->page->text, $server->log->text;
        is identity_of($browser)->{REMOTE_USER}, 'parent', 'as the parent';
        $server->clean_log_ok;
    };
}

done_testing;

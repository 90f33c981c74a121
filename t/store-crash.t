# What was answered stays: children and the whole server are killed in the middle of logouts under load. And a store
# that cannot be written, read or opened: what then fails closed, what is said, and what goes on.
#
# ATEN_SOAK=SECONDS lets the crashes go on for longer.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Ended;
use Aten::Test;
use Faults;
use Time::HiRes qw(sleep time);

need_module;

my $soak   = $ENV{ATEN_SOAK} // 0;
my $faults = Faults->new(tls => 0, seconds => 900 + 2 * $soak);
my $store  = qr/\[auth_aten:error\].*AT0160/;

sub site (%option) {
    my $more = delete $option{more} // '';
    return Aten::Server->new(config => ended_config(faults => $faults, real => 0, more => $more), %option);
}

sub set_cookies ($page) { return [$page->header_all('set-cookie')] }

my $taken_away = ['aten=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'];

my @apart = (browser_options => { keep_alive => 0 });    # connections that are kept would hold up a restart

# What has nothing to do with sessions goes on, whatever the store is like.
sub public_ok ($site, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(ask($site->url('/public/'), undef)->status, 200, "$name: public pages go on");
    is(ask($site->url('/index.html'), undef)->status, 200, '... files too');
    is(ask($site->url('/aten/style.css'), undef)->status, 200, '... and our style sheet');
    is(ask($site->url('/aten/login'), undef)->h1, 'Indiquez votre profil', '... and the chooser');
    is(ask($site->url('/ent/'), undef)->status, 303, '... and protected paths send there');
    return;
}

# A page of ours that says that something is broken, with a reference that stands in the log.
sub broken_ok ($site, $page, $mark, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($page->status, 503, "$name: 503");
    like($page->header('retry-after'), qr/^\d+$/, '... with Retry-After');
    my $reference = $page->text =~ /\b([0-9a-f]{10})\b/ ? $1 : 'none';
    isnt($reference, 'none', '... a reference');
    my $line = qr/$store.*\(reference $reference\)/;
    like($site->log->wait_like($line, $mark), $line, '... which stands in the log');
    return;
}

# --- a store that cannot be written ---

# The kernel lets no file grow beyond 64 bytes, or be written beyond that: what a full disk does. httpd's own logs are
# meant by that too, but for the error log, which goes through a program.
my @full  = ('env', '--ignore-signal=XFSZ', 'prlimit', '--fsize=64:unlimited', '--');
my $piped = 'ErrorLog "|/usr/bin/env prlimit --fsize=unlimited tee -a @ROOT@/logs/error.log"';
my $mute  = qr/AH00646: Error writing to|info\.json' cannot be written/;

subtest 'a full disk' => sub {
    my $site    = site(more => $piped, children => 2, name => 'full disk');
    my $browser = enter($site, @apart);
    my $other   = enter($site, @apart);
    my ($cookie, $alive) = map { cookie_of($_) } $browser, $other;
    my $known   = ticket_of($other);
    my $ended   = cookie_of(enter($site, @apart));
    is(logout_at_once($site, $ended)->status, 303, 'before: a logout');
    $site->{wrapper} = \@full;
    $site->restart;
    is(who($site, $cookie), 'fautes', 'full: sessions go on');
    is(who($site, $ended), 'nobody', '... and what had ended is ended');
    public_ok($site, 'full');

    for my $way (['/aten/logout', 'a logout'], ['/aten/logout?to=/public/', 'a logout that leads on']) {
        my ($path, $name) = @$way;
        my $mark = $site->log->mark;
        my $page = logout_at_once($site, $cookie, path => $path);
        broken_ok($site, $page, $mark, $name);
        is($page->h1, 'La déconnexion n’est pas complète', '... an honest page');
        like($page->text, qr/a oublié votre session.*empêche l’ENT de la fermer partout/, '... in plain words');
        is_deeply(set_cookies($page), $taken_away, '... the cookie is taken away');
        is($page->location, undef, '... it leads nowhere');
    }
    is(who($site, $cookie), 'fautes', 'a copy lives, as the page says');
    my $mark = $site->log->mark;
    my $page = enter($site, @apart)->page;
    broken_ok($site, $page, $mark, 'a login');
    is($page->header('x-who'), undef, '... does not get in');
    $mark = $site->log->mark;
    $page = back_channel($site, logout_request($known));
    is($page->status, 503, 'CAS single logout: 503, and no word of success');
    $site->log_like($store, '... says the log', $mark);
    is(who($site, $alive), 'fautes', '... for that session lives');
    is(back_channel($site, logout_request('ST-unknown'))->status, 200, 'an unknown ticket needs no room');
    # The person still has the cookie in this browser.
    $mark = $site->log->mark;
    $browser->get($site->url('/aten/login?profile=vite&to=/who&switch=1'), from => $site->url('/who'));
    isnt($browser->page->header('x-who') // '', 'fautes', 'a change of person does not go on as if it had worked');

    $site->{wrapper} = undef;
    $site->restart;
    is(logout_at_once($site, $cookie)->status, 303, 'room again: the logout works');
    is(who($site, $cookie), 'nobody', '... and the copy is dead');
    is(back_channel($site, logout_request($known))->status, 200, '... single logout works');
    is(who($site, $alive), 'nobody', '... and counts');
    is(enter($site)->page->header('x-who'), 'fautes', '... logins work');
    $site->clean_log_ok($store, $mute);
    $site->stop_ok;
};

# --- a store that cannot be opened ---

subtest 'a store that cannot be opened' => sub {
    my $site   = site(name => 'damaged store');
    my $cookie = cookie_of(enter($site, @apart));
    my $ended  = cookie_of(enter($site, @apart));
    my $going  = browser(keep_alive => 0);
    $going->get($site->url('/aten/login?profile=vite&to=/who'), until => sub ($address) { $address =~ /ticket=/ });
    is(logout_at_once($site, $ended)->status, 303, 'before: a logout');
    $site->stop_ok;
    my $file = $site->root . '/state/store/data.mdb';
    my $good = Aten::Process::slurp($file);
    Aten::Process::spew($file, 'x' x 16_384);   # in place: whose it is does not change
    $site->run;
    public_ok($site, 'damaged');
    for my $copy ($cookie, $ended) {
        my $mark = $site->log->mark;
        broken_ok($site, ask($site->url('/ent/'), $copy), $mark, 'a session, whether it was ended or not');
    }
    my $script = ask($site->url('/ent/'), $cookie, headers => { accept => 'application/json' });
    is($script->status, 503, 'a script: 503');
    is(eval { $script->json->{error} }, 'AT0160', '... which says why');
    is(ask($site->url('/ent/'), $cookie, method => 'POST', body => 'a=b',
        headers => { 'content-type' => 'application/x-www-form-urlencoded' })->status, 503, 'a form: 503');
    my $json = ask($site->url('/aten/session'), $cookie);
    unlike($json->body, qr/"authenticated": ?true|fautes/, '/aten/session claims nobody');
    my $maybe = ask($site->url('/maybe/'), $cookie);
    isnt($maybe->header('x-who') // '', 'fautes', 'nor is anybody shown where a session is optional');
    is(ask($site->url('/aten/login'), $cookie)->status =~ /^(?:200|503)$/ ? 1 : 0, 1, 'the chooser is a page');
    unlike(ask($site->url('/aten/login'), $cookie)->text, qr/fautes/, '... that knows nobody');
    my $mark = $site->log->mark;
    my $page = logout_at_once($site, $cookie);
    broken_ok($site, $page, $mark, 'a logout');
    is($page->h1, 'La déconnexion n’est pas complète', '... an honest page');
    is_deeply(set_cookies($page), $taken_away, '... the cookie is taken away');
    $mark = $site->log->mark;
    $going->get($going->page->location);
    broken_ok($site, $going->page, $mark, 'a login that had begun');
    is($going->jar->find('aten'), undef, '... gets no session');
    is(back_channel($site, logout_request('ST-1'))->status, 503, 'CAS single logout: 503, for it cannot be known');
    is(ask($site->url('/ent/'), 'aten=broken')->status, 303, 'a cookie that is none: sent to log in');

    # Whoever mends it need not restart anything.
    $mark = $site->log->mark;
    Aten::Process::spew($file, $good);
    my $who = 0;
    for (1 .. 80) {
        last if ($who = who($site, $cookie)) eq 'fautes';
        sleep 0.1;
    }
    is($who, 'fautes', 'mended: found by itself');
    is(who($site, $ended), 'nobody', '... and what had ended is ended');
    is(logout_at_once($site, $cookie)->status, 303, '... logouts work');
    is(who($site, $cookie), 'nobody', '... at once');
    is(enter($site)->page->header('x-who'), 'fautes', '... and logins');
    $site->clean_log_ok($store, qr/auth_aten:crit.*is damaged, or no file of LMDB/,
        qr/the store could be opened at last/);
    $site->stop_ok;
};

# --- crashes ---

# The server and all its processes, killed by their numbers; its semaphore has nobody left that would remove it.
sub kill_all ($site) {
    my @processes = ($site->pid, $site->children);
    kill 'KILL', @processes;
    $site->wait_end(10);
    for (1 .. 200) {
        last if !grep { -e "/proc/$_" } @processes[1 .. $#processes];
        sleep 0.02;
    }
    my %ours = map { $_ => 1 } @processes;
    my ($title, @lines) = split /\n/, Aten::Process::slurp('/proc/sysvipc/sem');
    for my $id (map { (split ' ')[1] } @lines) {
        semctl($id, 0, 0, 0) if $ours{ 0 + (semctl($id, 0, 11, 0) // 0) };   # GETPID, IPC_RMID
    }
    unlink $site->root . '/run/httpd.pid';
    return;
}

# People who log in and out all the time, until they are told to stop. Each notes the cookies of logouts that were
# answered, by the server (303) or by the back channel (200); of logouts that were cut off, and of sessions that nobody
# ended, of which there are few.
sub come_and_go ($site, $number, $going) {
    my %seen = (answered => [], cut => [], alive => []);
    my $turn = 0;
    while ($going->()) {
        my $browser = eval { enter($site, browser_options => { keep_alive => 0, timeout => 5 }) };
        my $cookie  = $browser && $browser->page->header('x-who') ? cookie_of($browser) : undef;
        if (!defined $cookie) {
            sleep 0.02;
            next;
        }
        if (@{ $seen{alive} } < 5 && $turn++ % 4 == 0) {
            push @{ $seen{alive} }, $cookie;
            next;
        }
        my $status = $number % 2 ? logout_at_once($site, $cookie)->status
            : back_channel($site, logout_request(ticket_of($browser)))->status;
        push @{ $seen{ $status == ($number % 2 ? 303 : 200) ? 'answered' : 'cut' } }, $cookie;
    }
    return \%seen;
}

my $crash  = qr/AH00052: child pid|AH00051: child pid|AH10392: children are killed|AH00098: pid file|AH01239: cgid/;
my $bound  = $soak || 5;

for my $mpm (qw(event prefork)) {
    subtest "killed in the middle of logouts: $mpm" => sub {
        my ($children, $threads) = $mpm eq 'prefork' ? (4, 2) : (3, 4);
        my $site  = site(mpm => $mpm, children => $children, threads => $threads, name => "crashes under $mpm",
            more => 'AtenCASMaxPending 8');
        my $until = time + $bound / 2;
        my ($killed, $servers) = (0, 0);
        my (undef, $data) = beside(3, sub ($number, $going) { come_and_go($site, $number, $going) }, sub {
            while (time < $until) {
                for (1 .. 6) {
                    sleep 0.03 + rand 0.08;
                    my @now = $site->children or last;
                    $killed += kill 'KILL', $now[rand @now];
                }
                sleep 0.2 + rand 0.2;   # until they serve again, and are in the middle of something
                kill_all($site);
                $servers++;
                $site->run;
            }
            sleep 0.2;
            return 1;
        });
        my %all = map { my $what = $_; $what => [map { @{ $_->{$what} } } @$data] } qw(answered cut alive);
        my $check = sub ($when) {
            my @back = grep { who($site, $_) ne 'nobody' } @{ $all{answered} };
            is(scalar @back, 0, "$when: of @{[ scalar @{ $all{answered} } ]} whose end was answered none lives");
            my @lost = grep { who($site, $_) ne 'fautes' } @{ $all{alive} };
            is(scalar @lost, 0, "... and of @{[ scalar @{ $all{alive} } ]} that nobody ended none is lost");
        };
        cmp_ok($servers, '>=', 1, "$servers times the whole server was killed, $killed times a child");
        cmp_ok(scalar @{ $all{answered} }, '>=', 5, 'there were logouts');
        cmp_ok(scalar @{ $all{alive} }, '>=', 1, 'and sessions that were left alone');
        note(scalar @{ $all{cut} }, ' logouts were cut off');
        $check->('after it');
        kill_all($site);
        $site->run;
        $check->('after one more crash');
        # A logout that was cut off has either counted or not; both are true to the person, who got no answer.
        my %cut;
        $cut{ who($site, $_) }++ for @{ $all{cut} };
        is_deeply([grep { !/^(?:fautes|nobody)$/ } keys %cut], [], 'what was cut off is in or out');
        is(enter($site)->page->header('x-who'), 'fautes', 'logins go on');
        is(logout_at_once($site, cookie_of(enter($site)))->status, 303, '... and logouts');
        $site->clean_log_ok($crash, qr/exit signal Killed/);
        $site->stop_ok;
    };
}

done_testing;

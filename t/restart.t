# Restarts log nobody out, break no login, and leave nothing behind: graceful, by SIGHUP, and a whole new process; ten
# graceful ones in a row while a browser works; a child that is killed, and the parent.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Time::HiRes qw(sleep);

need_module();

my $cas = Aten::CAS->new;
my @ways = (['graceful', 'graceful'], ['SIGHUP', 'reload'], ['a new process', 'restart']);

sub keys_of ($server) {
    my $file = $server->root . '/state/keys';
    return [(stat $file)[0, 1, 2, 4, 5, 7, 9, 10], Aten::Process::slurp($file)];
}

sub all_semaphores () {
    my ($title, @lines) = split /\n/, Aten::Process::slurp('/proc/sysvipc/sem');
    return map { (split ' ')[1] } @lines;
}

# Those of servers that were killed before stay, and name processes whose numbers may come again.
my %before = map { $_ => 1 } all_semaphores();

# The System V semaphores that a server made or used: those whose last operation was by one of its processes.
sub semaphores (@processes) {
    my %ours = map { $_ => 1 } @processes;
    my @ids  = grep { !$before{$_} } all_semaphores();
    my $last_process = 11;   # GETPID of <sys/sem.h>
    return grep { $ours{ 0 + (semctl($_, 0, $last_process, 0) // 0) } } @ids;
}

subtest 'sessions are kept' => sub {
    my $server   = Aten::Server->new(cas => $cas, config => ent_config(), children => 2);
    my %browsers = map { $_ => login($server, $_) } qw(parent prof);
    my %before   = map { $_ => identity_of($browsers{$_}) } keys %browsers;
    my $cookie   = $browsers{parent}->jar->find('aten')->{value};
    my $keys     = keys_of($server);
    my $asked    = scalar $cas->validations;
    like($keys->[-1], qr/^[A-Za-z0-9+\/]{20,}=*$/m, 'there are keys');
    is($keys->[2] & 07777, 0600, '... for nobody else to read');
    for my $way (@ways) {
        my ($name, $method) = @$way;
        my ($parent, @children) = ($server->pid, $server->children);
        $server->$method;
        is($server->pid == $parent ? 'the same' : 'another', $method eq 'restart' ? 'another' : 'the same', "$name: the parent");
        for my $who (sort keys %browsers) {
            my $page = $browsers{$who}->get($server->url('/ent/'));
            is_deeply(identity_of($page), $before{$who}, "$who is in as before");
            is(scalar $page->redirects, 0, '... at once');
        }
        is_deeply(keys_of($server), $keys, 'the keys are untouched');
    }
    is($browsers{parent}->jar->find('aten')->{value}, $cookie, 'the same cookie all along');
    is(scalar $cas->validations, $asked, 'and CAS was never asked');
    $server->clean_log_ok;
    $server->stop_ok;
};

subtest 'a login across a restart' => sub {
    my $server = Aten::Server->new(cas => $cas, config => ent_config());
    for my $way (@ways) {
        my ($name, $method) = @$way;
        my $typing  = login_page($server, to => "/ent/typing?$method");
        my $on_way  = login_page($server, to => "/ent/way?$method");
        my $chooser = browser();
        $chooser->get($server->url("/ent/chooser?$method"));
        $on_way->submit({ username => 'prof', password => $cas->password('prof') }, until => sub ($to) { $to =~ /ticket=/ });
        my $asked = scalar $cas->validations;
        $server->$method;
        $on_way->get($on_way->page->location);
        is(identity_of($on_way)->{REMOTE_USER}, 'prof', "$name: on the way back from CAS");
        is($on_way->url, $server->url("/ent/way?$method"), '... to where they wanted to go');
        $typing->submit({ username => 'parent', password => $cas->password('parent') });
        is(identity_of($typing)->{REMOTE_USER}, 'parent', '... at the form');
        is($typing->url, $server->url("/ent/typing?$method"), '... to where they wanted to go');
        $chooser->click(qr/autres-publics/);
        $chooser->submit({ username => 'eleve', password => $cas->password('eleve') });
        is(identity_of($chooser)->{REMOTE_USER}, 'eleve', '... at the chooser');
        is(scalar($cas->validations) - $asked, 3, '... each by the ticket that it had');
    }
    $server->clean_log_ok;
};

sub parent_figures ($server) {
    my $process = '/proc/' . $server->pid;
    my @fds     = glob "$process/fd/*";
    my @maps    = split /\n/, Aten::Process::slurp("$process/maps");
    my ($data)  = Aten::Process::slurp("$process/status") =~ /^VmData:\s+(\d+) kB/m;
    return { fds => scalar @fds, maps => scalar @maps, data => $data };
}

subtest 'ten graceful restarts while a browser works' => sub {
    # A file, and no CGI: mod_cgid's daemon refuses connections for a moment at each graceful restart.
    my $server  = Aten::Server->new(cas => $cas, children => 2, config => <<~'END');
        AtenCASServer @CAS@
        AtenBaseURL @BASE@
        Alias /who @DOCROOT@/index.html
        <Location "/who">
            AuthType aten
            Require valid-user
            Header set X-Who "expr=%{REMOTE_USER}"
        </Location>
        END
    my $user_of = sub ($page) { $page->header('x-who') // '' };
    my %ever    = map { $_ => 1 } $server->pid, $server->children;
    my %kept    = map { $_ => login($server, $_, to => '/who') } qw(parent prof);
    my %apart   = map { $_ => browser(jar => $kept{$_}->jar, keep_alive => 0) } keys %kept;
    my ($requests, @failed) = (0);
    my $work = sub () {
        for my $who (sort keys %kept) {
            for my $browser ($kept{$who}, $apart{$who}) {
                my $page = $browser->get($server->url('/who'));
                my $user = $user_of->($page);
                $requests++;
                push @failed, "$who: " . $page->status . " $user " . $page->body if $page->status != 200 || $user ne $who;
            }
        }
        $ever{$_} = 1 for $server->children;
    };
    is(scalar semaphores(keys %ever), 1, 'one semaphore');
    my @figures;
    for my $turn (1 .. 10) {
        my $mark = $server->log->mark;
        my $come = 0;
        $server->signal('USR1');
        for (1 .. 400) {
            $work->();
            last if $come = $server->log->since($mark) =~ /resuming normal operations/;
        }
        ok($come, "restart $turn") or last;
        my $fresh = login($server, 'eleve', to => '/who', browser_options => { keep_alive => 0 });
        push @failed, 'login: ' . $fresh->page->status if $user_of->($fresh->page) ne 'eleve';
        $work->();
        push @figures, parent_figures($server);
    }
    cmp_ok($requests, '>=', 80, 'the browser worked');
    is_deeply(\@failed, [], 'no request failed, and each answer was for the right person');
    is(scalar semaphores(keys %ever), 1, 'still one semaphore');
    # The first restarts settle what the process keeps for good; from then on nothing may grow.
    my ($settled, $end) = @figures[2, 9];
    cmp_ok($end->{fds},  '<=', $settled->{fds},        'the parent has as many files open');
    cmp_ok($end->{maps}, '<=', $settled->{maps} + 6,   'and no more memory maps');
    cmp_ok($end->{data}, '<=', $settled->{data} + 400, 'and not more memory, in kB') or diag explain \@figures;
    $server->clean_log_ok;
    $server->stop_ok;
    is(scalar semaphores(keys %ever), 0, 'none after the stop');
    my @left = grep { -e "/proc/$_" } keys %ever;
    is_deeply(\@left, [], 'and no process');
};

subtest 'a child is killed' => sub {
    my $server = Aten::Server->new(cas => $cas, children => 3, threads => 4,
        config => "AtenCASMaxPending 1\n" . ent_config());
    my $browser = login($server, 'parent', browser_options => { keep_alive => 0 });
    my $parent  = $server->pid;
    for my $round (1 .. 3) {
        my ($child) = grep { threads_of($_) > 2 } $server->children;   # not mod_cgid's daemon
        ok($child, 'there is a child that serves');
        kill 'KILL', $child;
        # What it had accepted is lost with it; the others go on.
        my $in = 0;
        for (1 .. 50) {
            last if $in = reached($browser->get($server->url('/ent/')));
            sleep 0.1;
        }
        is(identity_of($browser)->{REMOTE_USER}, 'parent', "after the loss of child $round: the service goes on, and the session");
        is(identity_of(login($server, 'prof', browser_options => { keep_alive => 0 }))->{REMOTE_USER}, 'prof',
            '... and a login finds a free place') for 1 .. 2;
    }
    is($server->pid, $parent, 'the same parent');
    $server->graceful;
    is(identity_of($browser->get($server->url('/ent/')))->{REMOTE_USER}, 'parent', 'and after a graceful restart');
    $server->clean_log_ok(qr/AH00052: child pid \d+ exit signal Killed/, qr/AH10392: children are killed successively/);
    $server->stop_ok;
};

sub threads_of ($pid) {
    my @tasks = glob "/proc/$pid/task/*";
    return scalar @tasks;
}

subtest 'the parent is killed' => sub {
    my $server   = Aten::Server->new(cas => $cas, config => ent_config());
    my $browser  = login($server, 'parent');
    my ($parent, @children) = ($server->pid, $server->children);
    kill 'KILL', $parent;
    $server->wait_end(10);
    # What the children still do is httpd's affair; they go, so that the port is free.
    kill 'KILL', @children;
    for (1 .. 100) {
        last if !grep { -e "/proc/$_" } @children;
        sleep 0.05;
    }
    # A semaphore has no process that it would die with: the one of this server stays, as httpd's own would
    # (`Mutex sysvsem`), until somebody removes it.
    my @left = semaphores($parent, @children);
    is(scalar @left, 1, 'one semaphore stays');
    semctl($_, 0, 0, 0) for @left;   # IPC_RMID
    unlink $server->root . '/run/httpd.pid';
    $server->run;
    is(identity_of($browser->get($server->url('/ent/')))->{REMOTE_USER}, 'parent', 'a new start keeps the session');
    is(identity_of(login($server, 'prof'))->{REMOTE_USER}, 'prof', 'and logs people in');
    $server->clean_log_ok(qr/AH00098: pid file|AH00051: child pid/);
    my @processes = ($server->pid, $server->children);
    $server->stop_ok;
    is(scalar semaphores(@processes), 0, 'and leaves none when it is stopped');
};

subtest 'a broken configuration is found before it can do harm' => sub {
    my $server  = Aten::Server->new(cas => $cas, config => ent_config());
    my $browser = login($server, 'parent');
    my $keys    = keys_of($server);
    for my $case (
        ['a date',       ent_config(inside => 'AtenCASCutoff 01/03/2017 parents'), qr/AtenCASCutoff: '01\/03\/2017' is not a date/],
        ['a population', ent_config(inside => 'AtenCASCutoff 2017-03-01 nobody'),  qr/AtenCASCutoff: 'nobody' \(\S+\) is no population/],
        ['a profile',    ent_config(inside => 'AtenProfiles nobody'),              qr/AtenProfiles: 'nobody' \(\S+\) is no profile/],
        ['no backend',   ent_config() =~ s/^\s*AtenCASServer.*\n//mr,              qr/nobody could log in; name the portal with AtenPortalMetadata, or the CAS/],
        ['no keys',      "AtenSessionKeys \@ROOT\@/none\n" . ent_config(),         qr/AtenSessionKeys: '\S+\/none' does not exist/],
        ['a CA file',    "AtenCASCAFile \@ROOT\@/none\n" . ent_config(),           qr/AtenCASCAFile: .*none/],
    ) {
        my ($what, $config, $error) = @$case;
        $server->set_config($config);
        my ($status, $text) = $server->configtest;
        isnt($status, 0, "$what: refused");
        like($text, $error, '... and why') or diag $text;
        is((() = $text =~ /Aten\w+: |nobody could log in/g) + 0, 1, '... in one line');
    }
    is(identity_of($browser->get($server->url('/ent/')))->{REMOTE_USER}, 'parent', 'the running server goes on');
    is_deeply(keys_of($server), $keys, 'with its keys');
    $server->set_config(ent_config());
    is(($server->configtest)[0], 0, 'mended: accepted');
    $server->graceful;
    is(identity_of($browser->get($server->url('/ent/')))->{REMOTE_USER}, 'parent', '... and taken over');
    $server->clean_log_ok;

    my $new = Aten::Server->prepare(cas => $cas, config => ent_config(), name => 'never started');
    is(($new->configtest)[0], 0, 'configtest before the first start');
    ok(!-e $new->root . '/state', '... makes no keys: it has no side effects');
};

subtest 'keys are changed by graceful restarts' => sub {
    my @keys   = map { my $n = $_; join '', map { chr(($n * 37 + $_ * 11) % 256) } 0 .. 31 } 1 .. 2;
    require MIME::Base64;
    my ($old, $new) = map { MIME::Base64::encode_base64($_) } @keys;
    my $server = Aten::Server->prepare(cas => $cas, config => "AtenSessionKeys \@ROOT\@/keys\n" . ent_config());
    my $set    = sub (@keys) { chmod 0600, $server->file('keys', join '', @keys) };
    $set->($old);
    $server->run;
    my $first = login($server, 'parent');
    my $in    = sub ($browser) { $browser->get($server->url('/ent/'), follow => 0)->status == 200 ? 'in' : 'out' };
    $set->($old, $new);
    $server->graceful;
    my $second = login($server, 'prof');
    is($in->($first), 'in', 'the new key last: who was in is in');
    $set->($new, $old);
    $server->graceful;
    my $third = login($server, 'eleve');
    is_deeply([map { $in->($_) } $first, $second, $third], [qw(in in in)], 'the new key first: all are in');
    $set->($new);
    $server->graceful;
    is_deeply([map { $in->($_) } $first, $second, $third], [qw(out out in)], 'the old one gone: its sessions are over, no others');
    is(identity_of(login($server, 'parent', browser => $first))->{REMOTE_USER}, 'parent', '... until they log in again');
    ok(!-e $server->root . '/state/keys', 'no other keys were made');
    $server->clean_log_ok;
};

done_testing;

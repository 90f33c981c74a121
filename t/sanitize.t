# The module built with AddressSanitizer and UndefinedBehaviorSanitizer, in a walk through all that it does, rightly and
# wrongly asked: an access that is no access ends the process, and a report stands in the log.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Aten::Tour ();
use Faults;
use Time::HiRes qw(sleep time);

my $module = $ENV{ATEN_ASAN_MODULE} // Aten::Process::top() . '/build-asan/mod_auth_aten.so';
BAIL_OUT("$module is not there: run make SANITIZE=1 first") if !-e $module;

my $cas       = Aten::CAS->new;
my $faults    = Faults->new(tls => 0);
my $scenarios = Aten::Tour->scenarios;

my %shape = (event => [children => 1, threads => 12], prefork => [children => 4, threads => 8]);
sub serve ($mpm, %option) {
    my $more   = delete $option{more} // '';
    my $server = Aten::Server->prepare(
        cas => $cas, mpm => $mpm, module => $module, @{ $shape{$mpm} }, name => "sanitized $mpm",
        config => $more . Aten::Tour->config($faults, map { @$_ } @$scenarios{qw(quick slow)}), %option,
    );
    Aten::Tour->write_files($server);
    return $server->run;
}

sub healthy_ok ($server, $parent) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($server->alive && $server->pid == $parent, 'the server is alive');
    is(report_of($server), '', 'and nothing was reported');
    $server->clean_log_ok(Aten::Tour->expected);
    return;
}

sub report_of ($server) {
    return $server->output_text =~ /^(.*(?:Sanitizer|runtime error|exit signal).*(?:\n.*){0,30})/m ? $1 : '';
}

# A process that ends in the middle of a login breaks the walk off: then its report tells more than the walk.
sub walk ($server, $steps) {
    my $parent = $server->pid;
    my $broken = eval { $steps->(Aten::Tour->new(server => $server)); 1 } ? '' : $@;
    is($broken, '', 'the walk came to its end');
    healthy_ok($server, $parent);
    is($server->stop('TERM', 20), '', 'the stop is clean');
    is(report_of($server), '', '... to its end');
    return;
}

subtest 'the sanitizers are at work' => sub {
    my $maps = '';
    my $server = serve('event');
    $maps .= Aten::Process::slurp("/proc/$_/maps") for $server->pid, $server->children;
    like($maps, qr/libasan/, 'in the processes');
    like(scalar `nm -D '$module'`, qr/__asan_report_load.*__ubsan_handle/s, 'and in the module');
    $server->clean_log_ok(Aten::Tour->expected);
};

subtest 'a walk through everything' => sub {
    my $server = serve('event', more => "AtenSessionIdle 60\n");
    walk($server, sub ($tour) {
        my $old = login($server, 'prof');
        my ($first, $began) = (cookie_of($old), time);
        my @slow = map { in_background(sub { slow($server, $_) }) } @{ $scenarios->{slow} };
        $tour->own_pages->answered_ok('our own pages');
        $tour->places->answered_ok('protected places, without a session');
        $tour->person($_)->answered_ok("the rounds of $_") for qw(eleve parent prof prof-parent sans-profil);
        $tour->pending->answered_ok('late answers');
        $tour->cookies(9)->answered_ok('forged cookies');
        $tour->faults(@{ $scenarios->{quick} })->answered_ok('a CAS server that misbehaves');
        is($_->(), 'answered', 'a CAS server that waits') for @slow;
        $tour->portal_pages->answered_ok('the pages of SAML');
        $tour->portal_visit->answered_ok('people who come by portals');
        $tour->forged(4)->answered_ok('forged answers');
        $tour->replays->answered_ok('answers that come again');
        $tour->metadata_changes->answered_ok('metadata read again');
        # Libfaketime and the sanitizers don't go together; the walk takes longer than these three seconds.
        sleep 0.1 while time < $began + 3.1;
        $tour->note($old->get($server->url('/ent')));
        isnt(cookie_of($old), $first, 'a session cookie issued anew');
        $server->graceful;
        $tour->visit('prof')->portal_visit('agent')->answered_ok('after a graceful restart');
    });
};

sub cookie_of ($browser) { return ($browser->jar->find('aten') // { value => 'none' })->{value} }

sub slow ($server, $scenario) {
    my $tour = Aten::Tour->new(server => $server)->faults($scenario);
    return @{ $tour->{silent} } ? 'silent' : 'answered';
}

subtest 'restarts' => sub {
    my $server = serve('prefork');
    walk($server, sub ($tour) {
        for my $how (qw(graceful reload graceful)) {
            $tour->visit('prof-parent')->portal_visit('parent')->answered_ok("before $how");
            $server->$how;
            $tour->replays->answered_ok("after $how");
        }
        $tour->visit('parent')->portal_visit('eleve')->answered_ok('after them');
    });
};

# Run it in a process of its own; the result, a text, when it is asked for.
sub in_background ($code) {
    my $pid = open(my $read, '-|') // die "fork: $!";
    if (!$pid) {
        print $code->() // '';
        close STDOUT;
        POSIX::_exit(0);
    }
    return sub () { local $/; my $text = <$read>; close $read; return $text };
}

done_testing;

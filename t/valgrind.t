# httpd with the module under valgrind: no access to what is not there or was not set, and nothing lost, in the parent over
# restarts and in children to their end. Memory that pools hold is given back as a whole, and a pool's end is not an error;
# what libcurl, libxml2, libxmlsec1, OpenSSL, LMDB and jansson give us is not in pools, and what is lost of it shows here.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Aten::Tour ();
use Faults;

need_module();
BAIL_OUT('valgrind is not there: run make deps first') if !grep { -x "$_/valgrind" } split /:/, $ENV{PATH};

my $cas    = Aten::CAS->new;
my $faults = Faults->new(tls => 0);

# One of each kind of answer of a CAS server.
my @scenarios = qw(
    good user-missing user-long-257 attr-2000 attr-100k attr-clash attr-markup-escaped failure-invalid-ticket failure-invalid-service
    xml-invalid xml-truncated xml-deep entity-bomb entity-http xml-utf16 success-in-comment user-cdata-split empty html large
    redirect-302 status-500 no-p3 reset close chunk-garbage ticket-none ticket-twice v1-yes v1-no v1-html saml-yes saml-expired saml-fault
);

my %shape = (event => [children => 1, threads => 4], prefork => [children => 1, threads => 1]);

sub serve ($mpm) {
    my $server = Aten::Server->prepare(
        cas => $cas, mpm => $mpm, @{ $shape{$mpm} }, name => "valgrind $mpm", config => Aten::Tour->config($faults, @scenarios),
    );
    # Children write as another user, but open their file before they become it.
    my $reports = $server->root . '/valgrind';
    mkdir $reports or die "$reports: $!";
    # What libxmlsec1 makes once in a process, it holds to the end; httpd takes the library away before.
    my $known = Aten::Process::spew($server->root . '/conf/valgrind', <<~'END');
        {
           libxmlsec1, once in a process
           Memcheck:Leak
           match-leak-kinds: definite
           ...
           fun:xmlSecInit
        }
        END
    # The debug information is kept when httpd unloads the module for a restart, or its lines would have no names.
    $server->{wrapper} = [
        qw(valgrind --tool=memcheck --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
            --keep-debuginfo=yes --num-callers=25 --gen-suppressions=all), "--suppressions=$known", "--log-file=$reports/%p",
    ];
    Aten::Tour->write_files($server);
    return $server->run;
}

# Tests: each process of the server has looked for errors and for what it lost, and found none.
sub reports_ok ($server, @processes) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($all, @bad) = (0);
    for my $file (glob $server->root . '/valgrind/*') {
        my $text = Aten::Process::slurp($file);
        my $name = $file =~ s{.*/}{}r;
        $all++ if $text =~ /ERROR SUMMARY: \d+ errors/ && $text =~ /HEAP SUMMARY|All heap blocks were freed/;
        push @bad, "$name:\n$text" if $text !~ /ERROR SUMMARY: 0 errors/;
    }
    my @unread = grep { Aten::Process::slurp($server->root . "/valgrind/$_") !~ /ERROR SUMMARY/ } @processes;
    is_deeply(\@unread, [], 'the parent and the children were looked at to their end');
    is(scalar @bad, 0, "and $all processes have no error and have lost nothing") or diag substr join("\n", @bad), 0, 20_000;
    return;
}

sub walk ($mpm, $walk) {
    my $server    = serve($mpm);
    # A process of prefork that waits for a browser's next request serves nobody else.
    my $tour      = Aten::Tour->new(server => $server, browser => { keep_alive => $mpm ne 'prefork' });
    my @processes = ($server->pid, $server->children);
    $walk->($tour);
    for my $restart (1, 2) {
        $server->graceful;
        push @processes, $server->children;
        $tour->visit('prof-parent')->portal_visit('eleve')->answered_ok("after graceful restart $restart");
    }
    is($server->stop('TERM', 60), '', 'the stop is clean');
    $server->clean_log_ok(Aten::Tour->expected, qr/AH00(?:161|484): server reached MaxRequestWorkers/);
    reports_ok($server, do { my %once = map { $_ => 1 } @processes; sort keys %once });
    return;
}

subtest 'prefork: everything once' => sub {
    walk('prefork', sub ($tour) {
        $tour->own_pages->places->answered_ok('without a session');
        $tour->person('parent')->answered_ok('the rounds of a parent');
        $tour->visit('sans-profil')->pending->cookies(60)->answered_ok('late answers and forged cookies');
        $tour->faults(@scenarios)->answered_ok('a CAS server that misbehaves');
        $tour->portal_pages->portal_visit->answered_ok('people who come by portals');
        $tour->forged(1)->replays->answered_ok('answers that are forged, or come again');
        $tour->metadata_changes->answered_ok('metadata read again');
    });
};

subtest 'event: threads' => sub {
    walk('event', sub ($tour) {
        $tour->visit($_) for qw(eleve prof);
        $tour->faults(qw(good large xml-deep failure-invalid-ticket))->portal_visit(qw(parent agent))->answered_ok('logins');
    });
};

done_testing;

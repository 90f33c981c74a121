# Every program of t/unit, as built by make, plain and with the sanitizers. Their own TAP lines become ours.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::Process ();

my $top     = Aten::Process::top();
my @sources = map { s{.*/}{}r =~ s/\.c$//r } glob "$top/t/unit/*.c";
my @builds  = $ENV{ATEN_UNIT_BUILDS} ? split(' ', $ENV{ATEN_UNIT_BUILDS}) : qw(build build-asan);

for my $build (@builds) {
    run_program($build, $_) for @sources;
}
done_testing;

sub run_program ($build, $name) {
    my $program = "$top/$build/t/unit/$name";
    if (!-x $program) {
        fail "$build/$name is not built: make unit" . ($build eq 'build-asan' ? ' SANITIZE=1' : '');
        return;
    }
    subtest "$build/$name" => sub {
        my ($status, $output) = output_of($program);
        my $count = 0;
        for my $line (split /\n/, $output) {
            my ($not, $test) = $line =~ /^(not )?ok \d+ (?:- )?(.*)/ or next;
            ok !$not, $test;
            $count++;
        }
        ok $count, 'has tests';
        is $status, 0, 'exit status' or diag $output;
    };
    return;
}

sub output_of ($program) {
    my $directory = Aten::Process::temporary_directory('unit');
    my $test = Aten::Process->start(
        command => [$program], output => "$directory/output", env => { CMOCKA_MESSAGE_OUTPUT => 'TAP' },
    );
    $test->wait_end(300) or $test->stop;
    my $output = $test->output_text;
    utf8::decode($output);
    return ($test->{status} >> 8 || $test->{status} & 127, $output);
}

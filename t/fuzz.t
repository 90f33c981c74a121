# Every fuzz target over its seeds and a bounded number of changes of them, with the sanitizers (make fuzz runs longer).
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Process ();
use Test::More;

my $top = Aten::Process::top();
for my $source (sort glob "$top/fuzz/fuzz_*.c") {
    my ($name) = $source =~ m{fuzz_(\w+)\.c$};
    my @seeds  = sort glob "$top/fuzz/seeds/$name/*";
    cmp_ok scalar @seeds, '>', 2, "$name has seeds";
    my $program = "$top/build-asan/fuzz/fuzz_$name";
    ok -x $program, "$name is built" or next;
    open my $out, '-|', $program, 1500, @seeds or die "$program: $!";
    my @lines = <$out>;
    ok close $out, "$name: @lines" or diag "ended with status $?";
}
done_testing;

# The forged messages once more, against the module built with AddressSanitizer and UndefinedBehaviorSanitizer: a report
# ends the child, and each of these tests watches that no child ends.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Process ();
use Test::More;

my $module = $ENV{ATEN_ASAN_MODULE} // Aten::Process::top() . '/build-asan/mod_auth_aten.so';
BAIL_OUT("$module is not there: run make SANITIZE=1 first") if !-e $module;

my @files = sort glob "$FindBin::Bin/saml-forged-*.t";
cmp_ok scalar @files, '>', 3, 'there are forged messages';
for my $file (@files) {
    my ($name) = $file =~ m{([^/]+)\.t$};
    local $ENV{ATEN_MODULE} = $module;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $^X, "-I$FindBin::Bin/lib", $file or die "$file: $!";
    my @lines = <$out>;
    close $out;
    my $status = $?;
    my $tests  = grep { /^ok / } @lines;
    ok !$status && $tests, "$name: $tests tests" or diag grep { !/^\s*ok / } @lines;
}
done_testing;

# The rooms of docs/architecture.md: who may include whom, what the logic must not do. Breaking one fails here.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Process ();
use Test::More;

my $top   = Aten::Process::top();
my @files = map { s{^\Q$top\E/}{}r } glob "$top/src/*.[ch] $top/*.[ch]";
my %text  = map { $_ => Aten::Process::slurp("$top/$_") } @files;

sub code_of ($file) {
    my $code = $text{$file};
    $code =~ s{/\*.*?\*/}{}gs;
    $code =~ s{"(?:[^"\\]|\\.)*"}{""}g if $file !~ /include/;
    return $code;
}
sub includes ($file) { return $text{$file} =~ /^#include ["<]([^">]+)/mg }

my @logic = grep { m{^src/aten_} } @files;
cmp_ok scalar @logic, '>', 30, 'the logic was found';

for my $file (@logic) {
    my @httpd = grep { m{^(?:httpd|http_|ap_|util_|mod_|scoreboard|unixd|mod_auth)} && !/^http\.h$/ } includes($file);
    is "@httpd", '', "$file includes nothing of httpd";
    unlike code_of($file), qr/\bapr_time_now\b|\btime\s*\(\s*NULL|\bgettimeofday\b|\bclock_gettime\b/, "$file reads no clock";
    unlike code_of($file), qr/\bRAND_bytes\b|\bapr_generate_random_bytes\b|\bgetrandom\b/, "$file reads no randomness";
    unlike code_of($file), qr/^static (?!const|inline|int \(|[\w\s*]+\()[\w\s*]+\b\w+(?:\[[^\]]*\])?\s*(?:=|;)/m,
        "$file has no mutable variable of its own";
}

# A row may include any row below it, never one above.
my @rows = (
    [ qr/^aten_(?:verdict|util|seal|pack)\.h$/ ],
    [ qr/^aten_(?:date|cookie|xml|population|identity|variables|vecteur|url|http|text|store|store_lmdb\w*|redis|store_shared\w*|validations|saml)\.h$/ ],
    [ qr/^aten_(?:profile|cutoff|session|session_variables|ended|pending|result|leaving|info|page|identity_aten|portal)\.h$/ ],
    [ qr/^aten_(?:cas|cas_read|cas_logout|saml_\w+)\.h$/ ],
    [ qr/^aten_site\.h$/ ],
    [ qr/^aten_flow(?:_private)?\.h$/ ],
);
my %also = (
    aten_chooser => 'aten_page.h', aten_style => 'aten_page.h', aten_cas_saml1 => 'aten_cas.h',
    map { $_ => 'aten_flow.h' } map { "aten_flow_$_" } qw(acs answer cas done end login logout saml slo wish),
);
my $row_of = sub ($name) { (grep { $name =~ $rows[$_][0] } 0 .. $#rows)[0] };
for my $file (@logic) {
    my $name = $file =~ s{^src/(.*)\.[ch]$}{$1}r;
    my $own  = $row_of->($also{$name} // "$name.h");
    if (!defined $own) { fail "$file stands in no row: give it one here and in docs/architecture.md"; next }
    my @above = grep { defined $row_of->($_) && $row_of->($_) > $own } includes($file);
    is "@above", '', "$file includes nothing from above";
    next if $name !~ /^aten_(?:cas|saml_)/;
    my @other = grep { $name =~ /^aten_cas/ ? /^aten_saml_/ : /^aten_cas/ } includes($file);
    is "@other", '', "$file knows no other protocol";
}
unlike $text{'src/aten_cas.c'},  qr/aten_(?:chooser|page)\.h/, 'the CAS protocol knows no page';
unlike $text{'src/aten_page.c'}, qr/aten_cas\.h/,               'a page knows no protocol';

my @banned = qw(strcpy strcat sprintf vsprintf sscanf atoi atol strtok localtime gmtime rand apr_strnatcmp gets alloca);
for my $file (@files) {
    my @found = grep { code_of($file) =~ /(?<![\w.>])\Q$_\E\s*\(/ } @banned;
    is "@found", '', "$file calls no banned function";
}
done_testing;

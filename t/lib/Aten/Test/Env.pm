package Aten::Test::Env;

# The program behind the protected pages of the tests: what an application would see, as JSON.

use v5.36;
use Aten::Process ();

# {env => {...}, body => "...", method => ...}. Written without modules: it is started for each request.
my $program = <<'END';
#!/usr/bin/perl
use strict;
use warnings;
sub quote { my $t = shift; $t =~ s/([\x00-\x1f"\\\x7f])/sprintf '\\u%04x', ord $1/ge; return "\"$t\"" }
my $body = '';
read STDIN, $body, $ENV{CONTENT_LENGTH} if $ENV{CONTENT_LENGTH};
my $env = join ",\n", map { quote($_) . ': ' . quote($ENV{$_}) } sort keys %ENV;
print "Content-Type: application/json\nX-Answered-By: application\n\n{\"env\": {\n$env\n}, \"body\": " . quote($body) . "}\n";
END

sub write_cgi ($file) {
    Aten::Process::spew($file, $program);
    chmod 0755, $file;
    return $file;
}

1;

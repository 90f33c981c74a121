# Answers whose signature must not count (t/forge/cases_signature.py, cases_wrapping.py).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/forge";
use Forged;

Forged::meet_all('httpd with forged signatures', qw(signature wrapping));

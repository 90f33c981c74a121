# Encrypted answers, good and bad ones (t/forge/cases_encryption.py).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/forge";
use Forged;

Forged::meet_all('httpd with encrypted answers', qw(encryption));

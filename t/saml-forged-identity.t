# Who the person is, and whether the portal may say so (t/forge/cases_identity.py).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/forge";
use Forged;

Forged::meet_all('httpd with forged identities', qw(identity));

# Signed answers that say something wrong, and messages that are none (t/forge/cases_message.py, cases_transport.py).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/forge";
use Forged;

Forged::meet_all('httpd with forged messages', qw(message transport));

# Answers of every form that is allowed (t/forge/cases_good.py): each logs in, and every value arrives whole.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/forge";
use Forged;

Forged::meet_all('httpd with well made answers', qw(good));

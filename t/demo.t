# The demo, as a person tries it: from the button to the page, and who is let in where.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::Process ();

need_module();
my %port = (DEMO_PORT => Aten::Process::free_port(), DEMO_CAS_PORT => Aten::Process::free_port());
my $home = "http://localhost:$port{DEMO_PORT}/";
my $top  = Aten::Process::top();
my $work = Aten::Process::temporary_directory('demo-test');
my $demo = start('demo', %port);
$demo->wait_for(sub { $demo->output_text =~ /Ctrl-C stops/ });

like $demo->output_text, qr/\Q$home\E/, 'it prints its address';
like $demo->output_text, qr/^  prof-parent +demo /m, 'and the accounts';

sub start ($name, %env) {
    return Aten::Process->start(command => ["$top/demo/run"], output => "$work/$name", env => \%env, name => $name);
}

# The way of the guide: button, profile, CAS, page.
sub visitor ($account) {
    my $browser = browser();
    $browser->get($home);
    $browser->click('IDENTIFIEZ-VOUS');
    $browser->click('Autres publics');
    $browser->submit({ username => $account, password => 'demo' });
    return $browser;
}

my @people = (
    # who, the page says, status behind the cut-off, before it, days left are told
    ['eleve', qr/Bonjour Zoé L'Hérault\./, 403, 200, 1],
    ['parent', qr/Bonjour Françoise L'Hérault-Müller\./, 403, 200, 1],
    ['prof', qr/Bonjour André D'Aubigné\./, 200, 200, 0],
    ['prof-parent', qr/Bonjour Maëlys Lefèvre\./, 200, 200, 0],
    # Nobody knows who this is: closed after the date for this person too, so told before it.
    ['sans-profil', qr/Bonjour Jérôme Gœury\./, 403, 200, 1],
);

for my $person (@people) {
    my ($account, $hello, $after, $before, $told) = @$person;
    subtest $account => sub {
        my $browser = visitor($account);
        is $browser->url, "${home}ent/", 'lands on the personal page';
        like $browser->page->text, $hello, 'which knows the name';
        like $browser->page->text, qr/REMOTE_USER $account /, 'and the user';
        like $browser->page->text, qr/ATEN_BACKEND cas /, 'and the variables';
        is $browser->get("${home}ent/ferme/")->status, $after, 'behind the cut-off';
        is $browser->get("${home}ent/bientot/")->status, $before, 'before it';
        is !!($browser->page->text =~ /ATEN_CAS_DAYS_LEFT 10 /), !!$told, 'the days left';
        $browser->get("${home}ent/");
        $browser->click('Se déconnecter');
        unlike $browser->get("${home}ent/")->text, $hello, 'logged out';
    };
}

subtest 'a program that listens already' => sub {
    my $second = start('second', %port);
    ok $second->wait_end(20), 'the second demo ends';
    isnt $second->ended_by, '', 'as a failure';
    like $second->output_text, qr/^Port $port{DEMO_PORT} cannot be used .*DEMO_PORT=/m, 'and says what to do';
};

my ($log) = $demo->output_text =~ m{^Logs +(\S+)}m;
my @odd = Aten::Log::unexpected(Aten::Process::slurp($log), qr/AT0401/);
ok !@odd, 'nothing unexpected in its log' or diag join "\n", @odd;

subtest 'Ctrl-C' => sub {
    is $demo->stop('INT'), '', 'it ends';
    ok !Aten::Process::listening($port{$_}), "$_ is free again" for sort keys %port;
    ok !-e $log, 'nothing is left behind';
};
done_testing;

# The demo, as a person tries it: from the button to the page, by both ways, and who is let in where; and the portals'
# own rules, which the guide tells of: first login, lost password, locks.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::Guichet ();
use Aten::Jar ();
use Aten::Process ();

need_module();
my %port = map { $_ => Aten::Process::free_port() } qw(DEMO_PORT DEMO_CAS_PORT DEMO_ATEN_PORT);
my $home = "http://localhost:$port{DEMO_PORT}/";
my $families = "http://127.0.0.1:$port{DEMO_ATEN_PORT}/familles/";
my $top  = Aten::Process::top();
my $work = Aten::Process::temporary_directory('demo-test');
my $demo = start('demo', %port);
$demo->wait_for(sub { $demo->output_text =~ /Ctrl-C stops/ });

like $demo->output_text, qr/\Q$_\E/, "it prints the address $_" for $home, $families;
like $demo->output_text, qr/^  prof-parent +demo /m, 'and the accounts';
like $demo->output_text, qr{^  francoise\.lherault-muller +Cartable-27 .*12/05/2011}m, 'with what a first login needs';

sub start ($name, %env) {
    return Aten::Process->start(command => ["$top/demo/run"], output => "$work/$name", env => \%env, name => $name);
}

# The way of the guide: button, profile, page of the CAS server or of a portal.
sub visitor ($profile) {
    my $browser = browser();
    $browser->get($home);
    $browser->click('IDENTIFIEZ-VOUS');
    $browser->click($profile);
    return $browser;
}

sub cas_visitor ($account) {
    my $browser = visitor('Autres publics');
    $browser->submit({ username => $account, password => 'demo' });
    return $browser;
}

my $pupils_or_parents = qr/établissement Education Nationale/;
my $staff             = qr/Guichet des agents/;

sub give ($browser, $name, $password) { return $browser->submit({ identifiant => $name, motdepasse => $password }) }

# The answer goes on by a script, or by this button; it is the only one of its page.
sub go_on ($browser) {
    is $browser->page->h1, 'Retour au service', 'the portal answers';
    return $browser->submit;
}

sub portal_visitor ($profile, $name, $password = 'demo') {
    my $browser = visitor($profile);
    give($browser, $name, $password);
    go_on($browser);
    return $browser;
}

sub lands ($browser, $name, @patterns) {
    is $browser->url, "${home}ent/", "$name: lands on the personal page";
    like $browser->page->text, $_, "which says $_" for @patterns;
    return;
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
    subtest "CAS: $account" => sub {
        my $browser = cas_visitor($account);
        lands($browser, $account, $hello, qr/REMOTE_USER $account /, qr/ATEN_BACKEND cas /);
        is $browser->get("${home}ent/ferme/")->status, $after, 'behind the cut-off';
        is $browser->get("${home}ent/bientot/")->status, $before, 'before it';
        is !!($browser->page->text =~ /ATEN_CAS_DAYS_LEFT 10 /), !!$told, 'the days left';
        $browser->get("${home}ent/");
        $browser->click('Se déconnecter');
        unlike $browser->get("${home}ent/")->text, $hello, 'logged out';
    };
}

subtest 'a parent of three children in two schools: first login' => sub {
    my $browser = visitor($pupils_or_parents);
    like $browser->url, qr{^\Q$families\Econnexion\?}, 'at the Guichet ATEN';
    give($browser, 'francoise.lherault-muller', 'Cartable-27');
    is $browser->page->h1, 'Première connexion', 'the provisional password leads to the first login';
    my %answers = (nouveau => 'Mon-ecole-1', encore => 'Mon-ecole-1', courriel => 'francoise@courriel.example');
    $browser->submit({ %answers, naissance => '2013-03-01' });
    like $browser->page->text, qr/date de naissance n.est pas celle/, "a date that is none of the children's";
    $browser->submit({ %answers, naissance => '28/02/2013' });
    go_on($browser);
    lands($browser, 'the parent', qr/Bonjour Françoise L'Hérault-Müller\./,
        qr/Connecté par le guichet ATEN comme parent\./,
        qr/Vos établissements Collège du Pic \(0340039X\) École des Garrigues \(0340042A\)/,
        qr/701301 Collège du Pic \(0340039X\) 2nd degré 701317 Collège du Pic \(0340039X\) 2nd degré 701294 École/,
        qr/REMOTE_USER parent:L'Hérault-Müller:Françoise:701294\@0340042A /, qr/ATEN_BACKEND aten /,
        qr/ATEN_PROFILE eleves-parents /, qr/ATEN_UAI 0340039X;0340039X;0340042A /);
    is $browser->get("${home}ent/ferme/")->status, 200, 'the removal of CAS is nothing to her';
    is $browser->get("${home}ent/bientot/")->status, 200, 'nor is its date';
    unlike $browser->page->text, qr/ATEN_CAS_DAYS_LEFT/, 'no days are counted';

    $browser->jar->delete(qr/aten$/);
    $browser->get("${home}ent/");
    $browser->click($pupils_or_parents);
    go_on($browser);
    lands($browser, 'again, without a login page');

    my $other = visitor($pupils_or_parents);
    give($other, 'francoise.lherault-muller', 'Cartable-27');
    like $other->page->text, qr/est faux/, 'the provisional password is no longer good';
    give($other, 'francoise.lherault-muller', 'Mon-ecole-1');
    go_on($other);
    lands($other, 'by the new one');
};

my @portal_people = (
    # profile, account, what the page says
    [$pupils_or_parents, 'zoe.lherault', qr/Bonjour Zoé L'Hérault\./, qr/REMOTE_USER eleve:701301\@0340039X /,
        qr/ATEN_ROLE eleve /, qr/ATEN_DEGRE 2 /],
    # The vector has no name.
    [$pupils_or_parents, 'noe.lherault', qr/REMOTE_USER eleve:701294\@0340042A /, qr/ATEN_DEGRE 1 /,
        qr/ATEN_VECTEUR 3\|\|\|701294\|0340042A/],
    [$pupils_or_parents, 'loic.lherault2', qr/REMOTE_USER parent:L'Hérault:Loïc:701301\@0340039X /],
    [$staff, 'andre.daubigne', qr/Bonjour André D'Aubigné\./, qr/REMOTE_USER andre\.daubigne\@ac\.example /,
        qr/ATEN_ROLE personnel /, qr/ATEN_UAI 0340039X\b/, qr/ATEN_PROFILE agents /],
);
for my $person (@portal_people) {
    my ($profile, $account, @patterns) = @$person;
    subtest "portal: $account" => sub {
        my $browser = portal_visitor($profile, $account);
        lands($browser, $account, @patterns);
        is $browser->get("${home}ent/ferme/")->status, 200, 'where CAS is closed too';
        $browser->get("${home}ent/");
        $browser->click('Se déconnecter');
        like $browser->page->text, qr/Votre session de l’ENT est terminée\. Le guichet vous a déconnecté aussi/,
            'logged out, here and at the portal';
        isnt $browser->get("${home}ent/")->h1, 'Mon espace', 'nobody is in';
        my $portal = $profile eq $staff ? $families =~ s/familles/agents/r : $families;
        is $browser->get($portal)->h1, 'Connexion', 'nor at the portal';
    };
}

subtest 'logged out at the portal' => sub {
    my $browser = portal_visitor($pupils_or_parents, 'zoe.lherault');
    my $other   = portal_visitor($pupils_or_parents, 'zoe.lherault');
    $browser->get($families);
    $browser->submit({}, form => qr/^deconnexion/);
    is $browser->page->h1, 'Vous êtes déconnecté', 'the portal says so';
    like $browser->page->text, qr{\Q${home}\Eaten/saml/metadata : session finie}, 'it has asked the ENT';
    my ($asked) = grep { m{/aten/saml/logout\?SAMLRequest=} } map { $_->{to} } $browser->page->redirects;
    ok $asked, 'by Redirect';
    isnt $browser->get("${home}ent/")->h1, 'Mon espace', 'nobody is in there';
    $browser->click($pupils_or_parents);
    is $browser->page->h1, 'Connexion', 'and to come back is to give the password';
    is $other->get("${home}ent/")->h1, 'Mon espace', 'the same person stays in in another browser';
    is $other->get($families)->h1, 'Vous êtes connecté', 'there and here';
};

subtest 'the sessions of a visit at the portal end together' => sub {
    my $browser = portal_visitor($pupils_or_parents, 'loic.lherault2');
    my $first   = browser(jar => Aten::Jar->new);
    $first->jar->{cookies} = [grep { $_->{name} =~ /aten$/ } @{ $browser->jar->{cookies} }];
    $browser->jar->delete(qr/aten$/);
    $browser->get("${home}ent/");
    $browser->click($pupils_or_parents);
    go_on($browser);
    is $_->get("${home}ent/")->h1, 'Mon espace', 'two sessions by one at the portal' for $browser, $first;
    $browser->click('Se déconnecter');
    isnt $_->get("${home}ent/")->h1, 'Mon espace', 'one logs out: both are over' for $browser, $first;
};

subtest 'the CAS path is closed: on to the guichet' => sub {
    my $browser = cas_visitor('eleve');
    is $browser->get("${home}ent/ferme/")->status, 403, 'the pupil is refused';
    $browser->click($pupils_or_parents);
    like $browser->url, qr{^\Q$families\E}, 'the page has a button to the Guichet ATEN';
    give($browser, 'zoe.lherault', 'demo');
    go_on($browser);
    is $browser->url, "${home}ent/ferme/", 'and from there to the page that was refused';
    like $browser->page->text, qr/ATEN_BACKEND aten /, 'by the other way';
};

subtest 'somebody else at the same computer' => sub {
    my $browser = portal_visitor($pupils_or_parents, 'zoe.lherault');
    $browser->click(qr/Changer de compte/);
    $browser->click($pupils_or_parents);
    is $browser->page->h1, 'Connexion', 'the portal asks again, though it knows Zoé';
    give($browser, 'noe.lherault', 'demo');
    go_on($browser);
    lands($browser, 'Noé', qr/REMOTE_USER eleve:701294\@/);
};

subtest 'begun at the guichet' => sub {
    my $browser = browser();
    $browser->get($families);
    give($browser, 'zoe.lherault', 'demo');
    is $browser->page->h1, 'Vous êtes connecté', 'at the portal';
    like $browser->page->text, qr{\Q${home}\Eaten/saml/metadata}, 'which knows the ENT by its metadata';
    $browser->submit({}, form => qr/^service/);
    go_on($browser);
    go_on($browser);
    is $browser->url, $home, 'the ENT asks for itself, is answered at once, and shows its first page';
    like $browser->get("${home}ent/")->text, qr/Bonjour Zoé/, 'logged in';
};

subtest 'wrong password, lost password' => sub {
    my $browser = visitor($pupils_or_parents);
    give($browser, 'loic.lherault2', 'oubli');
    like $browser->page->text, qr/L.identifiant ou le mot de passe est faux/, 'refused';
    $browser->click('Mot de passe perdu ?');
    $browser->submit({ identifiant => 'loic.lherault2', courriel => 'personne@courriel.example' });
    ok !$browser->page->link('Choisir un nouveau mot de passe'), 'no mail to a stranger';
    $browser->click('Retour à la connexion');
    $browser->click('Mot de passe perdu ?');
    $browser->submit({ identifiant => 'loic.lherault2', courriel => 'loic@courriel.example' });
    like $browser->page->text, qr/Dans cette démonstration, le message s.affiche ici/, 'the mail';
    my $link = $browser->page->link('Choisir un nouveau mot de passe')->{url};
    $browser->get($link);
    $browser->submit({ nouveau => 'Retrouve-2', encore => 'Retrouve-3' });
    like $browser->page->text, qr/ne sont pas les mêmes/, 'two different passwords';
    $browser->submit({ nouveau => 'Retrouve-2', encore => 'Retrouve-2' });
    is $browser->page->h1, 'Mot de passe changé', 'changed';
    $browser->click('Se connecter');
    give($browser, 'loic.lherault2', 'Retrouve-2');
    go_on($browser);
    lands($browser, 'and so, in the end, he');
    is browser()->get($link)->h1, 'Lien périmé', 'the link is good once';
};

subtest "the portals' own rules" => sub {
    my $guichet = Aten::Guichet->new(lock_seconds => 3600);
    my $enter = sub ($portal, $name, $password) {
        my $browser = browser();
        $browser->get($guichet->url($portal));
        give($browser, $name, $password);
        return $browser;
    };
    is $enter->('familles', 'Noe.Lherault', 'demo')->page->h1, 'Vous êtes connecté', 'capitals do not matter';
    is $enter->('agents', 'noe.lherault', 'demo')->page->h1, 'Connexion', 'a pupil is nobody to the other portal';

    my $pupil = browser();
    $pupil->get($guichet->url('familles', 'mot-de-passe-perdu'));
    $pupil->submit({ identifiant => 'noe.lherault', courriel => 'noe@courriel.example' });
    is $pupil->page->h1, 'Adressez-vous à votre établissement', 'a pupil without an address is sent to the school';
    like $pupil->page->text, qr/Accès des élèves > Gérer le compte élève/, 'which has a page for it';

    my $first = $enter->('familles', 'francoise.lherault-muller', 'Cartable-27');
    my %good = (
        nouveau => 'Mon-ecole-1', encore => 'Mon-ecole-1', courriel => 'f@courriel.example', naissance => '2011-05-12',
    );
    my @bad = (
        [nouveau => 'court-1', qr/au moins 8 caractères\. /],
        [nouveau => 'sans-chiffre', qr/une lettre et un chiffre\. /],
        [nouveau => 'Cartable-27', qr/autre mot de passe que l.actuel/], [encore => 'autre', qr/pas les mêmes/],
        [nouveau => 'francoise.lherault-muller7', qr/contenir votre identifiant/],
        [courriel => 'personne', qr/Donnez une adresse/], [naissance => '', qr/Donnez la date/],
        [naissance => '2011-05-13', qr/n.est pas celle/],
    );
    for my $case (@bad) {
        my ($field, $value, $pattern) = @$case;
        $first->submit({ %good, $field => $value });
        like $first->page->text, $pattern, "$field '$value' is refused";
    }
    is $first->get($guichet->url('familles'))->h1, 'Connexion', 'until then nobody is logged in';

    my $guess = $enter->('familles', 'loic.lherault2', 'essai 1');
    give($guess, 'loic.lherault2', "essai $_") for 2 .. 5;
    is $guess->page->h1, 'Compte bloqué', 'five wrong passwords lock an account';
    is $enter->('familles', 'loic.lherault2', 'demo')->page->h1, 'Compte bloqué', 'for the right one too';
    is $enter->('familles', 'zoe.lherault', 'demo')->page->h1, 'Vous êtes connecté', 'and no other account';

    my $lost = browser();
    $lost->get($guichet->url('familles', 'mot-de-passe-perdu'));
    $lost->submit({ identifiant => 'zoe.lherault', courriel => 'zoe@courriel.example' });
    my $link = $lost->page->link('Choisir un nouveau mot de passe')->{url};
    is $lost->get($link)->h1, 'Nouveau mot de passe', 'a fresh link';

    # Accounts outlive the program. Durations are judged when they are asked for: these are over.
    $guichet->stop;
    $guichet->run(lock_seconds => 0, link_seconds => 0);
    is $enter->('familles', 'loic.lherault2', 'demo')->page->h1, 'Vous êtes connecté', 'the lock ends';
    is $lost->get($link)->h1, 'Lien périmé', 'so does the link';

    my $stranger = browser()->post_form($guichet->url('familles', 'connexion'), { identifiant => 'zoe.lherault' });
    is $stranger->status, 403, 'a form from elsewhere is not taken';
    is browser()->get($guichet->url('familles', "saml/$_=x"))->status, 400, "nor a message that is none: $_"
        for qw(sso?SAMLRequest slo?SAMLRequest slo?SAMLResponse);
    my $leaver = $enter->('familles', 'zoe.lherault', 'demo');
    $leaver->submit({}, form => qr/^deconnexion/);
    is $leaver->page->h1, 'Vous êtes déconnecté', 'a session without services ends';
    is $leaver->get($guichet->url('familles'))->h1, 'Connexion', 'there';
    unlike $guichet->log, qr/Traceback/, 'no error of the program';
};

subtest 'a program that listens already' => sub {
    my $second = start('second', %port);
    ok $second->wait_end(20), 'the second demo ends';
    isnt $second->ended_by, '', 'as a failure';
    like $second->output_text, qr/^Port $port{DEMO_PORT} cannot be used .*DEMO_PORT=/m, 'and says what to do';
};

my ($log) = $demo->output_text =~ m{^Logs +(\S+)}m;
my @odd = Aten::Log::unexpected(Aten::Process::slurp($log), qr/AT0401/);
ok !@odd, 'nothing unexpected in its log' or diag join "\n", @odd;
my $portal_log = Aten::Process::slurp($log =~ s/error\.log$/guichet.log/r);
unlike $portal_log, qr/Traceback/, "nor an error in the portals'";
unlike $portal_log, qr/Mon-ecole|Retrouve|lien=|SAMLRe/, 'which keeps no password, link or message';

subtest 'Ctrl-C' => sub {
    is $demo->stop('INT'), '', 'it ends';
    ok !Aten::Process::listening($port{$_}), "$_ is free again" for sort keys %port;
    ok !-e $log, 'nothing is left behind';
};
done_testing;

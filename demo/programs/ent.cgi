#!/usr/bin/perl
# The protected page: what an application learns from the module about the person, as a table.
use strict;
use warnings;

my %title = (
    '/ent/'         => 'Mon espace',
    '/ent/bientot/' => 'Bientôt fermé par CAS',
    '/ent/ferme/'   => 'Déjà fermé par CAS',
);

sub escape {
    my $text = shift;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&#39;');
    $text =~ s/([&<>"'])/$entity{$1}/g;
    return $text;
}

my %school = ('0340039X' => 'Collège du Pic', '0340042A' => 'École des Garrigues');
my %degree = (1 => '1er degré', 2 => '2nd degré');
my %role   = (eleve => 'élève', parent => 'parent', personnel => 'personnel', autre => 'autre');
my %way    = (aten => 'le guichet ATEN', cas => 'le serveur CAS');

# The module joins lists by ";", and writes "\;" for one inside a value.
sub values_of {
    my $text = $ENV{ $_[0] };
    return defined $text ? map { s/\\;/;/gr } split(/(?<!\\);/, $text, -1) : ();
}

sub school {
    my $code = shift;
    return escape($school{$code} ? "$school{$code} ($code)" : $code);
}

# The same in words: who came by which way, the schools, and a parent's children.
sub summary {
    my @roles   = map { $role{$_} // $_ } values_of('ATEN_ROLES');
    my @schools = values_of('ATEN_UAI');
    my @ids     = values_of('ATEN_ELEVE_ID');
    my @degrees = values_of('ATEN_DEGRE');
    my %seen;
    my $text = '<p>Connecté par ' . escape($way{ $ENV{ATEN_BACKEND} // '' } // 'personne')
        . (@roles ? ' comme ' . escape(join ', ', @roles) : '') . ".</p>\n";
    my $list = join '', map { '<li>' . school($_) . '</li>' } grep { length && !$seen{$_}++ } @schools;
    $text .= "<h2>Vos établissements</h2>\n<ul>$list</ul>\n" if $list;
    return $text if ($ENV{ATEN_ROLE} // '') ne 'parent' || !grep { length } @ids;
    my $rows = join '', map {
        '<tr><td>' . escape($ids[$_]) . '</td><td>' . school($schools[$_]) . '</td><td>'
            . escape($degree{ $degrees[$_] // '' } // '') . "</td></tr>\n"
    } grep { length $ids[$_] } 0 .. $#ids;
    return <<"END" . "$rows</table>\n</div>\n";
$text<h2>Vos enfants</h2>
<div class="scroll">
<table>
<tr><th scope="col">Élève</th><th scope="col">Établissement</th><th scope="col">Degré</th></tr>
END
}

my $path  = $ENV{SCRIPT_NAME} // '/ent/';
my $title = $title{$path} // 'Mon espace';
my $name  = join ' ', grep { defined && length } @ENV{qw(ATEN_PRENOM ATEN_NOM)};
# Since 2018 a pupil's vector may come without a name.
$name = $ENV{REMOTE_USER} // 'inconnu' if !length $name;
my $summary = summary();
my $rows = join '', map { '<tr><th scope="row">' . escape($_) . '</th><td>' . escape($ENV{$_}) . "</td></tr>\n" }
    grep { defined $ENV{$_} } qw(REMOTE_USER AUTH_TYPE), sort grep { /^ATEN_/ } keys %ENV;
my $notice = '';
if (defined $ENV{ATEN_CAS_DAYS_LEFT}) {
    my $days = escape($ENV{ATEN_CAS_DAYS_LEFT});
    $notice = "<p class=\"notice\">Dans $days jour(s), vous n’entrerez plus ici par CAS.</p>\n";
}
my ($safe_name, $safe_path) = map { escape($_) } $name, $path;

print <<"END";
Content-Type: text/html; charset=utf-8

<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title - ENT de démonstration</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><p><a href="/">ENT de démonstration</a></p></header>
<main>
<h1>$title</h1>
$notice<p>Bonjour $safe_name.</p>
$summary<ul>
<li><a href="/ent/">Mon espace</a></li>
<li><a href="/ent/bientot/">Bientôt fermé par CAS</a></li>
<li><a href="/ent/ferme/">Déjà fermé par CAS</a></li>
<li><a href="/aten/login?to=$safe_path&amp;switch=1">Ce n’est pas vous ? Changer de compte</a></li>
<li><a href="/aten/logout">Se déconnecter</a></li>
</ul>
<h2>Ce que le module dit de vous</h2>
<div class="scroll">
<table>
<tr><th scope="col">Variable</th><th scope="col">Valeur</th></tr>
$rows</table>
</div>
</main>
</body>
</html>
END

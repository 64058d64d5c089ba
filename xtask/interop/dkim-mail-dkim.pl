# dkim-mail-dkim.pl: what Mail::DKIM says of the messages that `dkim-cases` writes, as dkim-dkimpy.py has it.
use strict;
use warnings;
use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Net::DNS::RR;

my %records;
{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query_async = sub {
        my ($name, $type, %options) = @_;
        my $record = $records{lc $name};
        my @answer = map { Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => [/(.{1,255})/gs]) }
            grep { defined } $record;
        my @result = eval { $options{Callbacks}{Success}->(@answer) };
        my $error = $@;
        return sub { die $error if $error; wantarray ? @result : $result[0] };
    };
}
binmode STDIN;
$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($kind, @rest) = split / /, $line, 4;
    my $length = $kind eq 'record' ? $rest[1] : $rest[0];
    read(STDIN, my $octets, $length) == $length or die "cut off\n";
    if ($kind eq 'record') {
        $records{lc $rest[0]} = $octets;
        next;
    }
    my $verifier = Mail::DKIM::Verifier->new;
    my @verdicts = eval {
        $verifier->PRINT($octets);
        $verifier->CLOSE;
        map { $_->result eq 'pass' ? 'pass' : 'not' } $verifier->signatures;
    };
    print $@ ? 'malformed' : @verdicts ? join(',', @verdicts) : 'none', "\n";
}

# Reads messages with Email::MIME, each behind a line with its length, and prints what they say, one field a line, in
# hexadecimal.
use strict;
use warnings;
use Email::Address::XS qw(parse_email_groups);
use Email::MIME;
use Encode qw(decode encode);
use MIME::QuotedPrint qw(decode_qp);

binmode STDIN;
binmode STDOUT;

sub show { print unpack("H*", $_[0]), "\n" }
sub show_text { show(encode("UTF-8", $_[0] // "")) }

# The value of a field, unfolded; encoded words are decoded, or it is UTF-8 as it is.
sub text {
    my ($value) = @_;
    return decode("MIME-Header", decode("UTF-8", $value // ""));
}

sub walk {
    my ($part) = @_;
    my $type = lc(($part->content_type // "text/plain") =~ s/\s*;.*//sr);
    show($type);
    if ($type =~ m{^multipart/}) {
        walk($_) for $part->subparts;
        return;
    }
    if ($type eq "message/rfc822" || $type eq "message/global") {
        walk(Email::MIME->new($part->body_raw));
        return;
    }
    my $name = "";
    if (my $disposition = $part->header_raw("Content-Disposition")) {
        my $parsed = Email::MIME::ContentType::parse_content_disposition($disposition);
        $name = $parsed->{attributes}{filename} // "";
    }
    utf8::is_utf8($name) ? show_text($name) : show($name);
    my $id = $part->header_raw("Content-ID") // "";
    show($id =~ s/^<|>$//gr);
    # Email::MIME and decode_qp make all line ends alike, those that are encoded and those that are not.
    my $encoding = lc($part->header_raw("Content-Transfer-Encoding") // "7bit");
    my $quoted = $part->body_raw =~ s/(?<!=)\r\n/=0D=0A=\r\n/gr;
    show($encoding eq "quoted-printable" ? decode_qp($quoted) : $part->body);
}

while (defined(my $length = <STDIN>)) {
    read(STDIN, my $raw, $length) == $length or die "a message is cut";
    my $message = Email::MIME->new($raw);
    show_text(text($message->header_raw("Subject")));
    for my $field (qw(From To Cc)) {
        my $value = $message->header_raw($field) // next;
        for my $address (Email::Address::XS->parse(decode("UTF-8", $value))) {
            show_text(decode("MIME-Header", $address->phrase // ""));
            show_text($address->user);
            show_text($address->host);
        }
    }
    show_text(text($message->header_raw("X-Other")));
    walk($message);
    print "\n";
}

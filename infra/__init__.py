"""The Pulumi program: everything ImageSift needs in an AWS account, one component per file."""

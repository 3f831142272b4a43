int a; /* x */
int b; // y
#define A 1
char *s = "/*"
          R"x(//)x"; /* fall through */
int c = 1'000;

"""A bitmap font of 10 x 20 dots for pictures: a character goes in, its dots come out.

The glyphs are those of the X Window System's misc-fixed 10x20 ("Public domain font. Share and
enjoy."): ASCII, Latin-1, Greek and a few signs. What it lacks is drawn as an empty box. Knows no
layout and no file format.
"""

import base64
import struct
import zlib
from functools import lru_cache

import numpy as np
from jaxtyping import Bool

WIDTH, HEIGHT = 10, 20
BASELINE = 16
"""Rows above the line that letters stand on."""
_GLYPH = struct.Struct(f">H{HEIGHT}H")
# zlib, base85: per glyph its code point and {HEIGHT} rows of dots, the left one in bit 9.
_FONT = (
    r"c-oCxd2ppg5ubUJO8Lhti$ed1<+_y(yLh3-"
    r"RoAEy6>q%P8$6=odPR&^jA5lx)Ykr$q7)FKU}WWzds$>zAS_{lu;?>*yGq1(#cRa~xIWj%i#_wr^z=;6eBU=+dEe"
    r"x{-|Ly_?&+ECexhI0Z5!-"
    r"!FhRn;7Hz;jTZUd&!t*%nZ85YaMm5Q<IAqATjW~Ko?v=YWiB9n?xfgnV^i9}X0py%GEc$@-"
    r"{7x5VhzG<Xetx`tj@i*x#fVr2&KJtF<+OZIJc7ulMr+SY?P>Pev}2AS>HqrReb=6DpY!;cqvCt>h<rvcf|lt7NNB"
    r"?J!uHJIKQmWA4hGsO+6kq)9s(M({b%uyfoG~cyMp5o{`Va0^#V1Gw7k6L$=V0;Y1S)uIx6Hq*7aOOj)_&Uj>tyIo"
    r"HyI&M8VI_VMvcGr+_^2c?_v>P0?#-FoDSD+h-"
    r"4ax=sv(6}P~Krh!+}l4~z;GBjgp+9z9P4!sf2EoAf^4oTMUkuOBORLOHFT#@C|O7MJ9jD*h@#kd(EM7}tw?Nt9Il"
    r"}KlG!$h8a#eR@ecCYAN)Pvu8Y0fs8m7Zvyluxhc5AVD7GA1RrpJQM5@&Gw2_k+*TG$&_Zz6)YIB43fT<Swyj*G{t"
    r"YUj-"
    r"i1hGt|NUJKl`Y$NiO!RS)~g*tkb<>~oQqC8*C>~jjf<@;W$uc<(KdA>F=&skzslZdpZMKHTA{ST3^M=hsLB)Z>EM"
    r"y)nO(y|4=KZeLRkkJdd&loKfdZ44f(ITfZ<VSxK;kgLZwHC6Mt?12&TmV{;D+V<SbT$x0zJ>42z%zQizcr!vX{se"
    r"ezAeiW<^Vjm!(J)c)(lTBrMJg=hg~*dc3tf2-chbivg6*Fu#oiH-xVV5ePqH=$n)Kdr_+(v7+ukOJQBGLnpeB05&"
    r"7OEGPR;pBJbU2JrX~UPPNaD@#&m8h<qRR=8d=WcZ_BsfBgLY$g`Ow&+`M+gOQc;_Q9&lq+GL|5q#>|m9-"
    r"DCceaCn?G@HLh@<%ahuPjF=O*;_A@U<Bp13op_dbo>R|*;zi@~|*+D94B!uq?6=Qcd+wgG{TzzdHA<l4s=&!gs!s"
    r"{I%2Ww;X;^XQ0=m#&@K=O?0@qJaBv+JAnMAPdV`PvoF!!O(W`DK@(Hp}Xa>J<I&)qxQL4>AgSAY-"
    r"g1CP$2x^bcW2W{WBRIaUU{P$`fn}t>v?fXKW!(TAyP)=fp~|k6rsb<Eb?b`nDd_@69g|%m}lkZFrv&;)`r_Dj{mg"
    r"<0)j|%Ut_XhG(InE{RhnIMUwZW3Te%%6YmoWRgj#8{F%>EuCSX>xrc;6T4ea{6Ie14ZZhQ?Ce55l)r0dlDPDuQeS"
    r"s*?WlZLu!GCy`JG_5`<P+}%HOq1u*W<T?Bi3VkDxE5Q)x8Rxa`;)Ye$VY8sx*vh#nhOZ#ru4uz6n2B%l6Yh%3n6o"
    r"d!LFj{&~g)|=ps=q~;)iJi;amCPqh%9G_u@HZKGhO5w0cDhqYpFxS(_-fKW7NWXQaY*h~BM_q=g8mkG&$VlKq-"
    r"}2nal1A#_fB#}*CkgpDYwc~q7_|V65EGucNohAad_Bni2nB(iFl+vBpc&)Zac~I#t7LL+~H~ao_!Yl%GyndJIXZD"
    r"l6(|z%kI1Z&B!B~#1Wgla^%|06<HA9_Ek#Ut@0N1@yqDlSCikk)l13V6pWN4x02h)n)}fzpX@AE`fS&ni=aUgXNe"
    r"v1pg2Zsgjnc2ISdhb58-"
    r")x0(k;N4rj?8@i^jVh1hRLo)`V%fY?ZQo*41GBjM}x9hsln^O#q|+iDm|BJxhm)m0%6puJZi?=ttrj+m)L-"
    r"i<yflNCVZJ-"
    r"E}VcrIYJV?t*&P4wC|uLaE_^4`kqfwQ`UUY;b{ZzrPN`}}UJKz`rLvjX`8@3||GEfPs|5@(^e{T~vqP>x(AdM`)b"
    r"kMry#PhyY!5s#qNN-"
    r"`VsV{c0)FA!!0sNR1<*3M%1V0ZkKti2rhGqUz_<j;xCmm`0HQc7em0^~25NA9s+tng{xHx!kE2Ast$lPfvj(B+2o"
    r"O`t6u@>gC;71@Jd6H6{fK0qwF9J%DyUYWc2O*ncYgW%eOB+l0vfCZ#Z6ixgVPoYusc}wc5N6VsHq~5YjVhOvO<j!"
    r"QQ{X6X8Zpt8kPtG#Cn=;5hkf^(`s2uW-QC%dD{FC=}R?a!(3OgSUOMR*j>#Bm>V{}-"
    r"wKUZcCod5g_Ihl%6DVG!YEB4%}ltccF$uo!iJCjlld6>;JmlOC0(|Zp25SwQX`A;^_9Max+<S}qtSvEDhK3K(KVj"
    r"ul0wxw)N;NgspIL}8iI^xJjGdkkPe>0oUA&+FV$&vqI8J;4Z5K#?7uzPmlNv#hJ{O5mT&ydX?9F3)vMgA|AQWn{X"
    r"*PcZ_7Taewd(aL1XF+Y^72EjkTIJ}Lr}|pmT8}!XZmmb1o2a%-"
    r"rK&CJydYwpaM@`;4@7>wZmmb1UpGgsE~s0<Q8S5(LpNo~>Kk=yJ?fivD>&-"
    r"H3MqNyMRhAU>RWXyIBGUgqwJ)rnCjbgYdz{>{BA2l4!NstRY+apEd;BkSdR_#ereqbj=HRFWkk_jP>1Gx?QcFj@`"
    r"}238D(=pAvfeld0v^9y#8H_&x5I}?8uqb6DeJd$f~tp6P+>O`3oBYf*Y>Cr>JWgvd9v*Z6t?wrLK#S>@>7FYIQx!"
    r"oY1<&sLx_3mka6xDXy?QEw#@Z*nKItqCHXWVkWTE!#?Y-"
    r"ZcJy1xonlo1+`7Ca3qML!+GA6$+~lS?j<&FerFN*<9Smv?bW$=b#rBH!byH#oVU^0RM(@KE_Dl=XHG}ACZsfNJY!"
    r"UsQMXZ>kLz5)KAJ1b&x4mdf;zgrZXH4GkL3xk!{}>l-"
    r"NVT9j=B{bHJ|wPQrautS;iBzh5k_;D82bpz2C)<XBxfodET9vr}qk5#5zRYQ(76JJQvvLOKG2{?k&;LAic+^gAAG"
    r"Rqw2l{Pmd&3q5db-"
    r"{f$}w6Zv~;Es5;Ivtz_$46?2NNhCYlm(65r<T|X}wji!~s08^GyNV^b1ag}xK^|XPCnxpIfn)1RX~S0|uK@c;b(K"
    r"5ADU#k)^$EK<cWQ4qhvlQ2nkPAR9P-"
    r"?B?M!Yq)<J3o1E&Q%9}n_hR#Ons4MAUP7FRbARMinv;6r4X=QqEFD|QmR2ET<HSRd#68(SL#jjiBiqqgaO<`+6Tk"
    r"}}a$ht@Rv2O{Jc#1ER7{cYOCDm@KCM6Vl<E42`EpWhIkT*Zm94Lp;cXQ27D$H>XH8R%iSt1jBxExh_O?*D<UOUw"
)


@lru_cache(maxsize=1)
def _rows() -> dict[str, tuple[int, ...]]:
    found = {}
    for code, *rows in _GLYPH.iter_unpack(zlib.decompress(base64.b85decode(_FONT))):
        found[chr(code)] = tuple(rows)
    return found


@lru_cache(maxsize=1024)
def glyph(character: str) -> Bool[np.ndarray, "row column"]:
    """The dots of one character, [HEIGHT, WIDTH]."""
    rows = _rows().get(character)
    if rows is None:
        box = np.zeros((HEIGHT, WIDTH), dtype=bool)
        box[4:17, 1:9] = True
        box[5:16, 2:8] = False
        return box
    return np.array([[bool(row >> (9 - x) & 1) for x in range(WIDTH)] for row in rows])


def known(character: str) -> bool:
    """Whether the font has it."""
    return character in _rows()
